"""Plays CI files on this machine, as far as the files that `dagstead workflow generate` makes go.

`github.Hub` stands for GitHub: it holds a repository, knows which workflows an event starts, and
plays their jobs; `gitlab` plays a pipeline. Scripts, git and the command lines in them are real.
What stands in for a service says so in its name or its docstring. What this runner does not know
is an error, never passed over.
"""
