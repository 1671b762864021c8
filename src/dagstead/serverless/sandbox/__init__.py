"""The walls around user code on the managed pool.

What this machine allows is found out by trying (:mod:`.trial`) and kept as :class:`.walls.Walls`.
A :class:`.sandbox.Sandbox` then starts every piece of user code behind these walls: code servers,
run workers with all their steps, and the unpacking of PEX files. The walls are put up by
:mod:`.enter`, a program of its own which the command of user code replaces: nothing of a location
is loaded before they stand, neither its code nor its environment variables.
"""
