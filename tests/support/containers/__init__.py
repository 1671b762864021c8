"""Docker, a registry and images for tests, all of it on this machine."""
