"""The rules of ``dagstead check``: one small function each, with its reason and its examples.

``dagstead.project.checking`` runs them, and the pages of ``docs/rules`` are made from them. A rule
looks at a project and yields what it finds; it changes nothing and prints nothing.
"""
