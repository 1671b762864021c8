"""How long the commands take on a large repository. Run by ``make bench``."""
