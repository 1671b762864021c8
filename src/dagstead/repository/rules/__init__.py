"""Every rule: one small function for each code, with its reason and its examples.

A rule of ``dagstead check`` (DS) looks at a project, one about workflows and locations together
(DW) at an inspection. It yields what it finds, changes nothing and prints nothing. The pages of
``docs/rules`` are made from the rules.
"""
