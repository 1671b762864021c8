"""Writing PEX files: wheels and files in, one file out that is named by its content.

The PEX tool has settings of its own that are global, and may be loaded by a main thread only. So it
works in a process of its own, which is this module's ``main``.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagstead.build.programs import ProgramResult, Programs
from dagstead.build.wheels import Wheel
from dagstead.repository.files.outputs import draft_of


@dataclass(frozen=True, kw_only=True, slots=True)
class PexTool:
    """The PEX tool, as builds use it."""

    #: Starts it.
    programs: Programs
    #: What it has found out about Pythons: to ask them takes longer than to write small files. Made
    #: if it is not there; its time of change is when it was last used.
    interpreters: Path

    def write(
        self,
        kind: str,
        *,
        wheels: Iterable[Wheel] = (),
        content: Mapping[str, Path] | None = None,
        python: str,
        into: Path,
    ) -> Path:
        """Write a PEX file ``<kind>-<hash>.pex``. Same content, same hash, on any machine.

        Args:
            kind: ``source`` or ``deps``: the first part of the name.
            wheels: packages, kept as they are.
            content: files by their names from the root, from which they are importable.
            python: the version that it is for, as ``3.12``.
            into: the folder to write into; a file that is there already stays.

        Raises:
            BuildStepError: when the PEX tool fails.
        """
        scratch = draft_of(into / kind)
        self.interpreters.mkdir(exist_ok=True)
        os.utime(self.interpreters)
        order = {
            "scratch": str(scratch),
            "python": python,
            "wheels": [[str(wheel.path), wheel.fingerprint] for wheel in wheels],
            "content": [[name, str(path)] for name, path in sorted((content or {}).items())],
        }
        try:
            ended = self._run(order, scratch, self.interpreters)
            if ended.code > 0:
                # It refused, and was not killed. It trusts what is kept, which may be damaged, as
                # by a disk that was full.
                ended = self._run(order, scratch, None)
                if ended.code == 0:
                    shutil.rmtree(self.interpreters, ignore_errors=True)
            said = ended.lines[-1] if ended.lines else f"exit code {ended.code}"
            ended.check(f"The PEX file of {kind} cannot be written: {said}", output=ended.lines)
            path = into / f"{kind}-{ended.lines[-1]}.pex"
            (scratch / "draft.pex").replace(path)
            return path
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _run(
        self, order: Mapping[str, Any], scratch: Path, interpreters: Path | None
    ) -> ProgramResult:
        shutil.rmtree(scratch, ignore_errors=True)
        root = scratch / "root"
        root.mkdir(parents=True)
        if interpreters is not None:
            link = root / "interpreters"
            link.symlink_to(interpreters.resolve(), target_is_directory=True)
        return self.programs.run(
            (sys.executable, "-m", __name__),
            folder=scratch,
            variables={"PEX_ROOT": str(root), "PYTHONSAFEPATH": "1"},
            given=json.dumps(order),
        )


def main() -> None:
    """Do an order from standard input, and print the hash of what was written."""
    from pex.pex_builder import PEXBuilder  # noqa: PLC0415 - only here, see above
    from pex.pex_info import PexInfo  # noqa: PLC0415

    order: Mapping[str, Any] = json.load(sys.stdin)
    scratch = Path(order["scratch"])
    info = PexInfo.default()
    info.deps_are_wheel_files = True
    info.emit_warnings = False
    # Programs that user code starts must find the same environment (dbt).
    info.strip_pex_env = False
    # Where a PEX installs its wheels at the first start, it takes as many processors as there are.
    info.max_install_jobs = 0
    builder = PEXBuilder(path=str(scratch / "content"), pex_info=info)
    builder.set_shebang(f"/usr/bin/env python{order['python']}")
    for wheel, fingerprint in order["wheels"]:
        builder.add_dist_location(wheel, fingerprint=fingerprint)
    for name, path in order["content"]:
        builder.add_source(path, name)
    builder.build(str(scratch / "draft.pex"), bytecode_compile=False, deterministic=True)
    sys.stdout.write(f"{info.pex_hash}\n")


if __name__ == "__main__":
    main()
