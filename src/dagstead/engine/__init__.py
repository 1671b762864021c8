"""Open-source Dagster behind the control plane: instances, code locations, launcher, daemons, UI.

This room knows Dagster's internals. SQL on our own tables does not belong here.
"""
