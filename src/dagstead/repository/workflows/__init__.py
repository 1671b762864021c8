"""Writes CI files that deploy a repository, from its configuration.

``generating.generate`` gives the files of a pattern, ``generating.write`` and ``generating.drift``
put them on disk or compare them. It starts no program and uses no network.
"""
