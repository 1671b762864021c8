"""Run workers that have imported everything before their run comes.

A warm worker is an ordinary run worker, behind the same walls, that was started before it is known
which run it will execute: it imports Dagster and the code of its location, and waits. It executes
one run and ends. So nothing of a run reaches another one, and what code opens when it is imported
is opened in the process that uses it.

:mod:`.worker` is the program; :mod:`.standbys` keeps some that wait; :mod:`.orders` is what they
are told.
"""
