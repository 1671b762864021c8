"""The repository's side of a control plane: our commands speak to a server through this room.

Only ``cli`` may import it. It speaks HTTP to a server that may be another version: what comes back
is checked here and leaves as a frozen value. No Dagster, no SQL, no settings of a server.
"""
