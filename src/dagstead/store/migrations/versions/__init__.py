"""One module a version, named by date and purpose."""
