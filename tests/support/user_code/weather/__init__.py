"""Stands in for the example's location of this name, whose tables take seconds to import."""
