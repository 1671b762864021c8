"""Reads agents' files: ``dagster.yaml``, Helm values and commands, compose files, ``agents.yaml``.

:func:`dagstead.repository.agents.discovery.find_agents` is the door. ``files`` reads the files;
this room knows what the official software makes of them. What a file does not say is reported in a
remark, with what is assumed instead.
"""
