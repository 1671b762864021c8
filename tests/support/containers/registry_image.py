"""A stand-in for the image ``registry``: Debian's package of the same program.

The tests can reach no public registry. What compose.yaml needs of the image is here: the port, the
folder of the data, and settings from variables ``REGISTRY_…``.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.containers.base_image import base_fingerprint
from tests.support.containers.docker import Docker

_CONFIGURATION = {
    "version": 0.1,
    "storage": {"filesystem": {"rootdirectory": "/var/lib/registry"}},
    "http": {"addr": ":5000"},
}
_DOCKERFILE = """\
FROM {files}
COPY config.yml /etc/docker/registry/config.yml
VOLUME /var/lib/registry
ENTRYPOINT ["docker-registry", "serve", "/etc/docker/registry/config.yml"]
"""


def registry_image(docker: Docker, folder: Path) -> str:
    """Build it; its name."""
    files = f"dagstead-test/registry-files:{base_fingerprint()}"
    if not docker.run("image", "ls", "--quiet", files):
        docker.make_image_of_files(files, ["docker-registry"])
    (folder / "Dockerfile").write_text(_DOCKERFILE.format(files=files), encoding="utf-8")
    # JSON is YAML.
    (folder / "config.yml").write_text(json.dumps(_CONFIGURATION), encoding="utf-8")
    return docker.build("dagstead-test/registry", folder)
