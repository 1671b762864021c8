"""What can be wrong in workflows and locations together, a module for each group of rules.

``DS50x`` of :mod:`dagstead.repository.rules.workflow_lines` finds what a line of a workflow shows;
these rules find what it does to the locations.
"""
