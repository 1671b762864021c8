"""Handwritten digits: three kinds of model learn to read them, and the best one is kept."""
