"""CI files that deploy a repository: made from its configuration, and inspected where they exist.

It stands on ``project`` and ``routing``; the command line calls it. It reads and writes files of
the repository, runs none of its code, starts no program and uses no network.

``generating.generate`` gives the files of a pattern, ``generating.write`` and ``generating.drift``
put them on disk or compare them.

``inspecting.inspection.inspect`` follows the files that are there, and
``inspecting.checking.examine`` says what is wrong in them.
"""
