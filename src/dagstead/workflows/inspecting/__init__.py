"""Workflows that exist, read: what they do to the locations of a repository, and what is wrong.

``inspection.inspect`` is the door. Nothing is run: conditions, expressions and shell scripts are
followed as far as their text tells, and what it does not tell is unknown, never guessed.
"""
