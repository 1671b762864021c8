"""What all SQLite databases below a folder hold: ours, and those of Dagster."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

#: Noted when a token is used, for people.
_USED = {"last_used_at", "used_from"}
#: What was asked for, and that it was refused.
_NOTED = {"token_calls", "trail", "trail_begun", "trail_head"}


def databases_below(folder: Path) -> Mapping[str, list[str]]:
    """All rows by database and table, beside what is noted of calls."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.db")):
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in tables.fetchall():
                if table not in _NOTED:
                    rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
                    found[f"{path.relative_to(folder)}: {table}"] = sorted(map(_text, rows))
    return found


def _text(row: sqlite3.Row) -> str:
    return repr({name: row[name] for name in row.keys() if name not in _USED})  # noqa: SIM118
