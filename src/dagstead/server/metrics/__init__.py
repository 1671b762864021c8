"""``/metrics``, and the signal by which others start and stop agents."""
