"""The keys of a container_context, one by one, and what some of them give to code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

#: Whoever may set them has the machine: by name, in any spelling, with any value but an empty one.
_HOST_KEYS = frozenset(
    [
        "allowprivilegeescalation",
        "capadd",
        "cgroupparent",
        "devicecgrouprules",
        "devices",
        "dockervolumeconfiguration",
        "driverconfig",
        "driveropts",
        "hostipc",
        "hostnetwork",
        "hostpath",
        "hostpid",
        "hostprocess",
        "privileged",
        "sourcepath",
        "volumedriver",
        "volumesfrom",
    ]
)
#: Docker's: another container's are as good as the host's.
_NAMESPACES = frozenset(
    [
        "cgroupns",
        "ipc",
        "ipcmode",
        "pid",
        "pidmode",
        "usernsmode",
        "uts",
        "utsmode",
    ]
)
#: Docker knows no walls between those who use it: whoever names a network is in it, be it that of
#: the database. These are nobody's.
_NETWORK_KEYS = frozenset(["network", "networkmode", "networks"])
_OPEN_NETWORKS = frozenset(["bridge", "default", "none"])
#: Whose rights code has, beside those of the machine.
_IDENTITY_KEYS = frozenset(
    [
        "automountserviceaccounttoken",
        "executionrolearn",
        "identityid",
        "namespace",
        "repositorycredentials",
        "serviceaccount",
        "serviceaccountname",
        "serviceaccounttoken",
        "taskrolearn",
    ]
)
#: Secrets that others have stored for an agent's machines.
_SECRET_KEYS = frozenset(
    [
        "envfrom",
        "envsecrets",
        "secretkeyref",
        "secretname",
        "secretref",
        "secrets",
        "secretstags",
        "valuefrom",
    ]
)
#: The annotation of older Kubernetes, with the container's name behind it.
_APPARMOR = "containerapparmor"
_MOUNTS = frozenset({"binds", "mounts", "volumes"})


@dataclass(frozen=True, slots=True)
class ContainerKey:
    """A key at any depth that has a value, or an entry of a list."""

    #: As it was written.
    shown: str
    #: The names on the way to it, without what spellings differ by, and without positions in lists.
    path: tuple[str, ...]
    #: The value, as text that can be compared: a mapping or list is one, too.
    text: str
    is_leaf: bool

    @property
    def value(self) -> Any:
        """The value."""
        return json.loads(self.text)

    @property
    def names_image(self) -> bool:
        """Whether its value is the image of a container."""
        return self.path[-1] == "image"

    def is_in(self, other: ContainerKey) -> bool:
        """Whether it is an entry of another one, at any depth."""
        return self.shown.startswith((f"{other.shown}.", f"{other.shown}["))

    def is_denied_by(self, pattern: str) -> bool:
        """Whether a pattern of a policy, or a group of keys, is about it."""
        group = GROUPS.get(pattern)
        return _ends_with(self.path, pattern) if group is None else group(self)

    def is_allowed_by(self, pattern: str) -> bool:
        """Whether a pattern of a policy is about it, or about what it is in.

        Only of a leaf this says something: the entries of others are looked at one by one.
        """
        ways = [self.path[:length] for length in range(1, len(self.path) + 1)]
        return any(_ends_with(way, pattern) for way in ways)


def keys_of(context: Mapping[str, Any]) -> Iterator[ContainerKey]:
    """Every key of a container_context that asks for something, from the outside to the inside."""
    for name, value in context.items():
        yield from _below(str(name), (_squashed(str(name)),), value)


def _below(shown: str, path: tuple[str, ...], value: object) -> Iterator[ContainerKey]:
    if value is None or value is False or value in ("", [], {}):
        return
    nested = isinstance(value, Mapping | list | tuple)
    yield ContainerKey(shown, path, json.dumps(value, sort_keys=True, default=str), not nested)
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _below(f"{shown}.{name}", (*path, _squashed(str(name))), inner)
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            yield from _below(f"{shown}[{position}]", path, inner)


def _squashed(name: str) -> str:
    """A name without what Kubernetes' two spellings differ by."""
    return re.sub(r"[^a-z0-9*]", "", name.lower())


def _ends_with(path: tuple[str, ...], pattern: str) -> bool:
    wanted = [_squashed(part) for part in pattern.split(".")]
    return len(wanted) <= len(path) and all(
        fnmatchcase(name, each) for name, each in zip(path[-len(wanted) :], wanted, strict=True)
    )


def _opens_host(key: ContainerKey) -> bool:
    name = key.path[-1]
    if name.startswith(_APPARMOR):
        return bool(key.value == "unconfined")
    special = _SPECIAL.get(name)
    return name in _HOST_KEYS if special is None else special(key)


def _parent(key: ContainerKey) -> str:
    return key.path[-2] if len(key.path) > 1 else ""


def _is_of_docker(key: ContainerKey) -> bool:
    return key.path[0] == "docker"


def _weakens(key: ContainerKey) -> bool:
    return key.is_leaf and not str(key.value).startswith("no-new-pr")


def _joins_namespace(key: ContainerKey) -> bool:
    text = str(key.value).lower()
    return key.is_leaf and (text == "host" or text.startswith("container:"))


def _joins_network(key: ContainerKey) -> bool:
    if not key.is_leaf:
        return False
    return (
        str(key.value).lower() not in _OPEN_NETWORKS
        if _is_of_docker(key)
        else _joins_namespace(key)
    )


def _is_type_of_host(key: ContainerKey) -> bool:
    """Of a profile that is none, or of a mount of a folder of the host."""
    if _parent(key) in {"seccompprofile", "apparmorprofile"}:
        return bool(key.value == "Unconfined")
    return _is_of_docker(key) and _parent(key) in _MOUNTS and key.value == "bind"


def _mounts_host(value: object) -> bool:
    """Whether a value of Docker's ``volumes`` or ``mounts`` names a folder or a volume of the host.

    Volumes have names and no owners: whoever names that of the control plane's data has it.
    """
    match value:
        case str():
            return True
        case Mapping():
            # Of one mount; or it maps what is mounted to where.
            of_mount = {_squashed(str(name)): each for name, each in value.items()}
            is_of_one = not of_mount.keys().isdisjoint({"target", "destination", "dst"})
            sources = [of_mount.get("source"), of_mount.get("src")] if is_of_one else list(value)
            return any(sources)
        case _:
            return False


def _is_identity(key: ContainerKey) -> bool:
    return key.path[-1] in _IDENTITY_KEYS


def _is_secret(key: ContainerKey) -> bool:
    return key.path[-1] in _SECRET_KEYS


_SPECIAL: Mapping[str, Callable[[ContainerKey], bool]] = {
    "add": lambda key: _parent(key) == "capabilities",
    # On ECS it is a port of the task's own address.
    "hostport": lambda key: key.path[0] == "k8s",
    **dict.fromkeys(("ports", "publishallports"), _is_of_docker),
    "procmount": lambda key: bool(key.value != "Default"),
    **dict.fromkeys(("securityopt", "dockersecurityoptions"), _weakens),
    "type": _is_type_of_host,
    **dict.fromkeys(_NAMESPACES, _joins_namespace),
    **dict.fromkeys(_NETWORK_KEYS, _joins_network),
    **dict.fromkeys(_MOUNTS, lambda key: _is_of_docker(key) and _mounts_host(key.value)),
}

#: What a policy may name instead of keys.
GROUPS: Mapping[str, Callable[[ContainerKey], bool]] = {
    "host": _opens_host,
    "identity": _is_identity,
    "secrets": _is_secret,
}
