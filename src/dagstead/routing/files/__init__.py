"""Agents from what files say: an agent's ``dagster.yaml``, Helm values and commands, compose files.

:func:`dagstead.routing.files.finding.find_agents` is the door. Files are read by ``project``; here
is only what the official software makes of them. What cannot be known from a file is said in a
remark, with what is taken for granted instead.
"""
