"""The fault bench: runs are under way, something fails, and every run still ends once, truly."""
