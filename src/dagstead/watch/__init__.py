"""What the control plane does by itself, through acts of `control`: it ends, heals and tidies.

It runs in one process at a time. Nothing here knows Dagster, the database or the web.
"""
