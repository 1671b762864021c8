"""SQL for the plane's nouns, on SQLite and Postgres, and files in a folder.

Surfaces, engine and server may import it. All statements live here, a change of state is one
statement or one transaction, and what leaves is a frozen value of ``dagstead.plane``.
"""
