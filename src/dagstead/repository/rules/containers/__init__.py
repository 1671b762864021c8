"""What agents read of ``container_context``, and what they refuse in it."""
