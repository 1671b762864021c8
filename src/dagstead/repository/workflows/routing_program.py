"""The program that generated workflows carry: it decides how each location is built.

It runs in CI, where this package is not installed. What it decides by is the source of
:mod:`dagstead.repository.files.decisions`, so that a workflow takes a location for what
``dagstead check`` takes it for.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from dagstead.repository.files.decisions import decide_kind, free_slug, slug_of, value_at

_HEAD = """\
from __future__ import annotations

import posixpath, re, sys
import yaml
"""

_MAIN = """\
class Loader(yaml.SafeLoader):
    pass


# Dates are text to the official command line.
Loader.yaml_implicit_resolvers = {
    first: [each for each in found if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
path = sys.argv[1]
with open(path, encoding="utf-8-sig") as file:
    document = yaml.load(file, Loader)
listed = value_at(document, "locations")
if not isinstance(listed, list):
    sys.exit(f"{path}: there is no list of locations.")
if value_at(document, "defaults") is not None:
    sys.exit(f"{path}: this workflow was made when there were no defaults. Generate it anew.")
slugs = set()
for entry in listed:
    name = value_at(entry, "location_name")
    if not isinstance(name, str) or not name:
        sys.exit(f"{path}: an entry of locations has no location_name.")
    kind, keys = decide_kind(lambda key: value_at(entry, key))
    if kind == "ambiguous":
        sys.exit(f"{path}: {name} is ambiguous: {' and '.join(keys)}. See dagstead check.")
    texts = (value_at(entry, key) for key in ("build.directory", "build.registry"))
    directory, registry = (each if isinstance(each, str) else "" for each in texts)
    folder = posixpath.join(posixpath.dirname(path), directory or ".")
    slug = free_slug(name, slugs)
    slugs.add(slug)
    line = [kind, name, posixpath.normpath(folder), registry, slug]
    if any("|" in part or not part.isprintable() for part in line):
        sys.exit(f"{path}: {name!r} has characters that cannot be written into a script.")
    print("|".join(line))
"""


#: Where the program knows of what kind a location is.
_DECIDED = "    kind, keys = decide_kind(lambda key: value_at(entry, key))\n"
_AS_IMAGE = """\
    # Those that had a Dockerfile and were to be images when this was generated.
    if kind == "serverless" and name in {names!r}:
        kind = "image"
"""


def routing_program(images: Iterable[str] = ()) -> str:
    """The program; its argument is the path of a ``dagster_cloud.yaml``, and it prints a plan.

    Args:
        images: the names of serverless locations that are images, as far as they are known.
    """
    carried = (inspect.getsource(each) for each in (decide_kind, value_at, slug_of, free_slug))
    main, names = _MAIN, sorted(images)
    if names:
        main = main.replace(_DECIDED, f"{_DECIDED}{_AS_IMAGE.format(names=names)}")
    return "\n\n".join((_HEAD, *carried, main))
