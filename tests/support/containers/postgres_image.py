"""A stand-in for the image ``postgres``: this machine's Postgres, started as that image starts its.

The tests can reach no public registry. What compose.yaml needs of the image is here: the variables
``POSTGRES_…``, the folder of the data, and passwords asked for by the network.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.containers.base_image import base_fingerprint
from tests.support.containers.docker import Docker
from tests.support.debian import postgres_program

_DATA = "/var/lib/postgresql/data"

_DOCKERFILE = f"""\
FROM {{files}}
RUN ldconfig \\
    && ln -s {{programs}}/* /usr/local/bin/ \\
    && useradd --system postgres \\
    && install --directory --owner=postgres --mode=700 {_DATA}
COPY start /usr/local/bin/start
ENV PGDATA={_DATA}
USER postgres
ENTRYPOINT ["sh", "/usr/local/bin/start"]
"""

_START = """\
set -eu
if [ ! -e "$PGDATA/PG_VERSION" ]; then
    printf %s "$POSTGRES_PASSWORD" >/tmp/password
    initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 \\
        --encoding=UTF8 --no-sync
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB" | postgres --single postgres
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off
"""


def postgres_image(docker: Docker, folder: Path) -> str:
    """Build it; its name."""
    programs = postgres_program("postgres").parent
    files = f"dagstead-test/postgres-files:{base_fingerprint()}"
    if not docker.run("image", "ls", "--quiet", files):
        docker.make_image_of_files(files, [f"postgresql-{programs.parts[-2]}"])
    dockerfile = _DOCKERFILE.format(files=files, programs=programs)
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    (folder / "start").write_text(_START, encoding="utf-8")
    return docker.build("dagstead-test/postgres", folder)
