"""What can be wrong in workflows and locations together, a module for each group of rules.

All of them judge what :mod:`dagstead.repository.ci` has followed. ``DS50x`` are those about deploys
of a mixed repository and about single commands; ``DW1xx`` are the others.
"""
