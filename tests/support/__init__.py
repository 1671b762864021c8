"""What tests of several folders share: databases, child processes, ports, environments, waiting."""
