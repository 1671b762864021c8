"""Reads CI files: what they build and deploy of a repository's locations, when, in which session.

``inspection.inspect`` is the door. Nothing is run: conditions, expressions and shell scripts are
followed as far as their text goes, and what it does not say is unknown, never guessed.
"""
