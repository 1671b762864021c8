"""Open-source Dagster behind the control plane: instances, code locations, launcher, daemons, UI.

Surfaces and server may import it. It is the room that knows Dagster's internals; SQL of ours and
HTTP do not belong here.
"""
