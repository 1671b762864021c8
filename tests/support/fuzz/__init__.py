"""Requests that are wrong in every way, made from a seed, and a client that sends them."""
