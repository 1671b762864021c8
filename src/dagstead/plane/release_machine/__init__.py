"""The release machine: what becomes of a deployment's releases and locations, event by event.

Frozen values in, a frozen value out: :func:`~dagstead.plane.release_machine.machine.advance`.
"""
