"""A copy of everything that a control plane stores, made while it runs."""
