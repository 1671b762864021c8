"""The code of what runs in a benchmark."""
