"""The release machine: how events change a deployment's releases and locations.

Frozen values in, a frozen value out: :func:`~dagstead.plane.release_machine.machine.advance`.
"""
