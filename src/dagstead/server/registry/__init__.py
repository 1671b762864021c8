"""The installation's registry of images, behind this server's own address."""
