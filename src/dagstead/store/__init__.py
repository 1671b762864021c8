"""SQL for the plane's nouns, on SQLite and Postgres, and files in a folder.

All statements on our own tables are here, and they return frozen values of ``dagstead.plane``. A
change of state is one statement; or a pure function of the plane decides it on rows that are read
and written under one lock, in one transaction.
"""
