"""``python -m dagstead``."""

from __future__ import annotations

from dagstead.cli import main

if __name__ == "__main__":
    main()
