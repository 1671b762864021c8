"""Rules of the kernel's packet filter."""

from __future__ import annotations

import shutil
import subprocess

_SECONDS = 10.0


def carry_out(rules: str) -> str:
    """Carry out rules; returns what was asked for, with handles.

    Raises:
        OSError: there is no nftables, or it refuses.
    """
    program = shutil.which("nft")
    if program is None:
        msg = "there is no program nft; install it with `apt-get install nftables`"
        raise FileNotFoundError(msg)
    try:
        done = subprocess.run(  # noqa: S603 - the system's own program
            [program, "--handle", "--file", "-"],
            input=rules,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        msg = f"nft refused the rules: {error.stderr.strip()[:300]}"
        raise OSError(msg) from error
    except subprocess.TimeoutExpired as error:
        raise OSError(str(error)) from error
    return done.stdout
