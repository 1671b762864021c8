"""Small real PEX files, built in a second and without the network."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import sysconfig
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as distribution_version
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class PexBench:
    """Builds PEX files into ``shelf``, named as the official CLI names them."""

    shelf: Path
    workshop: Path
    #: The Dagster that dependencies borrow, unless another one is named; None is the tests' own.
    packages: Path | None = None

    def build(self, kind: str, files: Mapping[str, str]) -> str:
        """Build a PEX with these files.

        Args:
            kind: ``source`` or ``deps``, the first part of the name.
            files: contents by path.

        Returns:
            The file's name; its second part is the hash that is inside.
        """
        number = len(list(self.workshop.iterdir()))
        content = self.workshop / f"content-{number}"
        for path, text in files.items():
            target = content / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        draft = self.workshop / f"draft-{number}.pex"
        subprocess.run(
            [
                *(sys.executable, "-m", "pex", "-D", str(content), "-o", str(draft)),
                *("--pex-root", str(self.workshop / "cache"), "--no-emit-warnings"),
            ],
            check=True,
            capture_output=True,
        )
        with zipfile.ZipFile(draft) as archive:
            pex_hash = json.loads(archive.read("PEX-INFO"))["pex_hash"]
        name = f"{kind}-{pex_hash}.pex"
        draft.rename(self.shelf / name)
        return name

    def dependencies(
        self, files: Mapping[str, str] | None = None, *, packages: Path | None = None
    ) -> str:
        """A PEX of dependencies that borrows its Dagster by a path file.

        Args:
            files: more contents by path.
            packages: whose Dagster; the bench's if left out.
        """
        borrowed = packages or self.packages or sysconfig.get_paths()["purelib"]
        return self.build("deps", {"borrowed.pth": f"{borrowed}\n", **(files or {})})

    def source(self, files: Mapping[str, str]) -> str:
        """A PEX of sources with these files, and the same as its working directory."""
        root = {f"working_directory/root/{path}": text for path, text in files.items()}
        return self.build("source", {"working_directory/__init__.py": "", **root, **files})


def pex_tag(*names: str) -> str:
    """The tag of a deploy with these files, as the official CLI writes it."""
    return "files=" + ":".join(sorted(names))


def damage_what_pex_knows(folder: Path) -> list[Path]:
    """Cut off what the PEX tool has found out about Pythons below a folder; the files."""
    known = list(folder.rglob("INTERP-INFO"))
    assert known, "the PEX tool keeps this elsewhere now"
    for path in known:
        path.write_text('{"cut', encoding="utf-8")
    return known


def borrowing_wheel(folder: Path, name: str, packages: Path | None = None) -> Path:
    """A wheel of a package that holds nothing but a path file to other packages.

    What depends on it has these, and is made in a second without the network.

    Args:
        folder: receives it.
        name: of the package, which the tests have.
        packages: where the others are; those of the tests if left out.
    """
    version = distribution_version(name)
    name = name.replace("-", "_")
    purelib = packages or sysconfig.get_paths()["purelib"]
    files = {
        f"{name}.pth": f"{purelib}\n",
        f"{name}-{version}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        ),
        f"{name}-{version}.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = f"{name}-{version}.dist-info/RECORD"
    # By the hashes, caches keep apart those of another environment.
    rows = [f"{each},sha256={_digest(text)},{len(text)}\n" for each, text in files.items()]
    files[record] = "".join([*rows, f"{record},,\n"])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in files.items():
            archive.writestr(each, text)
    return path


def _digest(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
