"""The command ``dagstead`` in this process, for what does not need a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from dagstead.cli import main


def run_here(
    *arguments: str, cwd: Path, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as if it were a child: in a folder, with more environment variables."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    code = 0
    with (
        chdir(cwd),
        _called(arguments, variables or {}),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return subprocess.CompletedProcess(
        args=["dagstead", *arguments], returncode=code, stdout=_printed(out), stderr=_printed(err)
    )


@contextmanager
def _called(arguments: tuple[str, ...], variables: Mapping[str, str]) -> Iterator[None]:
    kept_arguments, kept_variables = sys.argv, dict(os.environ)
    sys.argv = ["dagstead", *arguments]
    os.environ.update(variables)
    try:
        yield
    finally:
        sys.argv = kept_arguments
        os.environ.clear()
        os.environ.update(kept_variables)


def _printed(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()
