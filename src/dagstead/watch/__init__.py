"""What the control plane does by itself: it ends, heals, reminds and tidies, by acts of `control`.

Run in one process at a time. Nothing here knows Dagster, the database or the web.
"""
