"""Everything about a repository on disk, offline: a room for each verb.

``files`` reads, ``agents`` and ``ci`` read agents' and CI files, ``changes`` compares commits,
``rules`` judge, ``layouts`` move, ``workflows`` write. No Dagster here, no network, and no code of
the repository is run.
"""
