"""One module per version, named by its number and purpose."""
