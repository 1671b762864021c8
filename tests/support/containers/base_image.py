"""The image ``python:3.11-slim``, made from this machine's own files: no registry is needed.

It holds the Debian packages that the machine has and the image needs, the Python that runs the
tests, and what lets pip, uv and apt reach their indexes from here (certificates, sources, pip's
configuration). For that reason it is for tests only, and is never pushed out of this machine.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

#: The official image of this name is what users' Dockerfiles begin with.
BASE_IMAGE = f"python:3.{sys.version_info.minor}-slim"

#: What the image needs beside Debian's essential packages; the last two lines are what a Python
#: that was built on this machine may be linked with. Those that are not installed are left out.
_WANTED = [
    *("apt", "adduser", "ca-certificates", "debian-archive-keyring", "netbase", "tzdata"),
    *("libstdc++6", "libgcc-s1", "libssl3", "libsqlite3-0", "libffi8", "libexpat1", "libuuid1"),
    *("libbz2-1.0", "liblzma5", "libreadline8", "libncursesw6", "libgdbm6", "libtirpc3", "zlib1g"),
]

#: Large, and only used when a program asks for it: Postgres' compiler.
_LEFT_OUT = frozenset({"libllvm14"})

#: Configuration that no package owns: without it, the image could reach no index from here.
_CONFIGURATION = (
    *("/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/apt/apt.conf.d"),
    *("/etc/ssl/certs", "/usr/local/share/ca-certificates", "/etc/ca-certificates.conf"),
    *("/etc/pip.conf", "/etc/pam.d"),
)
_PASSED_ON = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")

#: Of packages: not needed to run anything.
_USELESS = re.compile(r"/usr/share/(doc|man|locale|info|lintian|bug)/.+|.*/EXTERNALLY-MANAGED")
#: Of a Python's own folder: its tests, what was installed there, and its compiled files.
_USELESS_PYTHON = re.compile(
    r"lib/python[\d.]+/(site-packages|test|idlelib|tkinter|config-.+)(/|$)|.*__pycache__|share/"
)


def base_fingerprint() -> str:
    """Another one whenever the image would become another one."""
    files = (__file__, "/var/lib/dpkg/status", "/etc/ssl/certs/ca-certificates.crt")
    contents = b"".join(Path(name).read_bytes() for name in files)
    return hashlib.sha256(contents + sys.version.encode()).hexdigest()[:16]


def base_dockerfile(files: str) -> str:
    """The Dockerfile that makes the base image of an image with its files."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    variables = {
        "PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        # uv brings certificates of its own; this machine may have others.
        "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
        **passed_on,
    }
    lines = [
        f"FROM {files}",
        *(f"ENV {name}={value}" for name, value in variables.items()),
        # Python's own library is in /usr/local/lib.
        "RUN ldconfig",
        'CMD ["python3"]',
    ]
    return "\n".join([*lines, ""])


def write_base_image(output: IO[bytes], more: Sequence[str] = ()) -> None:
    """Write the files of the image as a tar archive, as ``docker import`` takes it.

    Args:
        output: receives the archive.
        more: names of installed packages that the image is to have, too.
    """
    packages = _closure(more)
    with tarfile.open(fileobj=output, mode="w|") as archive:
        image = _Image(archive)
        for name in ("bin", "sbin", "lib", "lib64"):
            image.link(f"/{name}", f"usr/{name}")
        for path in _files_of(packages):
            image.copy(path)
        for configuration in _CONFIGURATION:
            image.copy_all(Path(configuration))
        _add_records(image, packages)
        _add_alternatives(image)
        _add_python(image)


class _Image:
    """The archive, and what it holds already."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._names: set[str] = set()

    def holds(self, path: str) -> bool:
        return path.lstrip("/") in self._names

    def copy(self, path: Path, name: str | None = None) -> None:
        """One file, link or folder of this machine, under its own name or another."""
        name = (name or str(path)).lstrip("/")
        if name in self._names or not (path.exists() or path.is_symlink()):
            return
        self._names.add(name)
        entry = self._archive.gettarinfo(path, name)
        if entry.islnk():
            # Its other name may be missing in the image.
            entry.type, entry.size = tarfile.REGTYPE, path.stat().st_size
        if entry.isreg():
            with path.open("rb") as content:
                self._archive.addfile(entry, content)
        elif entry.isdir() or entry.issym():
            self._archive.addfile(entry)

    def copy_all(self, path: Path) -> None:
        """A file or a whole folder."""
        self.copy(path)
        for each in sorted(path.rglob("*")) if path.is_dir() else ():
            self.copy(each)

    def text(self, name: str, text: str, mode: int = 0o644) -> None:
        entry = tarfile.TarInfo(name.lstrip("/"))
        content = text.encode()
        entry.size, entry.mode = len(content), mode
        self._names.add(entry.name)
        self._archive.addfile(entry, io.BytesIO(content))

    def link(self, name: str, target: str) -> None:
        entry = tarfile.TarInfo(name.lstrip("/"))
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self._names.add(entry.name)
        self._archive.addfile(entry)

    def folder(self, name: str) -> None:
        entry = tarfile.TarInfo(name.lstrip("/"))
        if entry.name not in self._names:
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            self._archive.addfile(entry)


def _closure(more: Sequence[str]) -> list[str]:
    """The names of Debian packages: essential ones, wanted ones, and what they depend on."""
    form = (
        "${Package}\t${db:Status-Abbrev}\t${Essential}\t${Pre-Depends}, ${Depends}\t${Provides}\n"
    )
    depends: dict[str, str] = {}
    providers: dict[str, str] = {}
    wanted = [*_WANTED, *more, *(["python3.11"] if sys.base_prefix == "/usr" else [])]
    for line in _output("dpkg-query", "-W", f"-f={form}").splitlines():
        name, status, essential, needs, provides = line.split("\t")
        if not status.startswith("ii"):
            continue
        depends[name] = needs
        providers |= dict.fromkeys(_names_in(provides), name)
        if essential == "yes":
            wanted.append(name)
    found = set(_LEFT_OUT)
    while wanted:
        name = wanted.pop()
        name = name if name in depends else providers.get(name, "")
        if name and name not in found:
            found.add(name)
            for alternatives in depends[name].split(","):
                names = _names_in(alternatives, "|")
                present = [each for each in names if each in depends or each in providers]
                wanted += present[:1]
    return sorted(found - _LEFT_OUT)


def _names_in(text: str, between: str = ",") -> list[str]:
    """Names of packages, without versions and architectures."""
    return [
        name for name in re.findall(rf"(?:^|{re.escape(between)})\s*([a-z0-9.+-]+)", text) if name
    ]


def _files_of(packages: Iterable[str]) -> Iterator[Path]:
    for line in sorted(set(_output("dpkg-query", "-L", *packages).splitlines())):
        if line.startswith("/") and line != "/." and not _USELESS.fullmatch(line):
            path = Path(line)
            # Packages still name /bin and /lib, which are links into /usr.
            yield path.parent.resolve() / path.name


def _add_records(image: _Image, packages: list[str]) -> None:
    """What dpkg knows, so that apt can install more."""
    status = Path("/var/lib/dpkg/status").read_text(encoding="utf-8")
    stanzas = {
        text.split("\n", 1)[0].removeprefix("Package: "): text for text in status.split("\n\n")
    }
    image.text("/var/lib/dpkg/status", "\n\n".join(stanzas[name] for name in packages) + "\n\n")
    information = Path("/var/lib/dpkg/info")
    image.copy(information / "format")
    for name in packages:
        for path in (*information.glob(f"{name}.*"), *information.glob(f"{name}:*")):
            image.copy(path)
    for folder in ("/var/lib/dpkg/updates", "/var/lib/dpkg/triggers", "/var/lib/apt/lists"):
        image.folder(folder)
    for name in ("passwd", "group"):
        image.copy(Path(f"/usr/share/base-passwd/{name}.master"), f"/etc/{name}")
    image.text("/etc/shadow", "root:*:19000:0:99999:7:::\n", 0o640)


def _add_alternatives(image: _Image) -> None:
    """Names such as ``awk``, which lead to one of several programs."""
    for record in sorted(Path("/var/lib/dpkg/alternatives").iterdir()):
        link = Path(record.read_text(encoding="utf-8").splitlines()[1])
        chosen = Path("/etc/alternatives") / record.name
        if chosen.is_symlink() and image.holds(str(chosen.readlink())):
            for path in (record, chosen, link.parent.resolve() / link.name):
                image.copy(path)


def _add_python(image: _Image) -> None:
    version = f"python3.{sys.version_info.minor}"
    if sys.base_prefix == "/usr":
        # It came with its package.
        image.link(f"/usr/local/bin/{version}", f"/usr/bin/{version}")
    else:
        _add_built_python(image, Path(sys.base_prefix), version)
    for name in ("python", "python3"):
        image.link(f"/usr/local/bin/{name}", version)
    _add_pip(image, version)


def _add_built_python(image: _Image, prefix: Path, version: str) -> None:
    image.copy(prefix / "bin" / version, f"/usr/local/bin/{version}")
    for top in ("lib", "include"):
        for path in sorted((prefix / top).rglob("*")):
            name = path.relative_to(prefix).as_posix()
            if not _USELESS_PYTHON.match(name):
                image.copy(path, f"/usr/local/{name}")


def _add_pip(image: _Image, version: str) -> None:
    """The pip of the tests' environment, with a program that starts it from where it is."""
    own = Path(sys.prefix) / "lib" / version / "site-packages"
    place = "dist-packages" if sys.base_prefix == "/usr" else "site-packages"
    for path in (*own.glob("pip/**/*"), *own.glob("pip-*.dist-info/*")):
        if path.is_file() and path.suffix != ".pyc":
            image.copy(path, f"/usr/local/lib/{version}/{place}/{path.relative_to(own)}")
    program = f'#!/bin/sh\nexec /usr/local/bin/{version} -m pip "$@"\n'
    for name in ("pip", "pip3"):
        image.text(f"/usr/local/bin/{name}", program, 0o755)


def _output(*command: str) -> str:
    # Debian packages only: whoever runs these tests elsewhere reads what is missing.
    if platform.freedesktop_os_release().get("ID") != "debian":
        message = "The base image of the container tests is made of Debian's files: use Debian 12."
        raise RuntimeError(message)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
