"""Settings of deployments and of the organization: what every key does, or why it is refused."""
