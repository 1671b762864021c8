"""SQL for the plane's nouns, on SQLite and Postgres, and files in a folder.

Surfaces, engine and server may import it. All statements live here, and what leaves is a frozen
value of ``dagstead.plane``. A change of state is one statement; or a pure function of the plane
decides it on rows that are read and written under one lock, in one transaction.
"""
