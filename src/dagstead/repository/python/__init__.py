"""What the Python files of a folder say, without running anything.

Which Pythons it allows, which packages it needs, which modules it has.
"""
