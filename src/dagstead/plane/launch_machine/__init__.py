"""The launch machine: how a launch moves, and which events of its run still count.

Frozen values in, a frozen value out: :func:`~dagstead.plane.launch_machine.machine.advance`.
"""
