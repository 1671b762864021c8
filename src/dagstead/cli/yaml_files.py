"""Files of YAML that commands read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def read_yaml(file: Path) -> Any:
    """What a file has, or standard input for ``-``.

    Raises:
        InvalidInputError: when it cannot be read, or is not YAML.
    """
    import yaml

    from dagstead.errors import InvalidInputError

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        return yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        msg = f"{file} cannot be read: {' '.join(str(error).split())}."
        raise InvalidInputError(msg) from error
