"""The managed pool in a whole control plane, which these tests share."""
