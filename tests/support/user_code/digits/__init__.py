"""Stands in for the example's location of this name, whose models take seconds to import."""
