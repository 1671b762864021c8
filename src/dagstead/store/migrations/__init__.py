"""Alembic's history of the control plane's schema. Versions are only ever added."""
