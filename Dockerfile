# Images of Dagstead, from locked packages:
#
#     docker build --tag dagstead .                          the control plane, and its command
#     docker build --target agent --tag dagstead-agent .     an official agent that starts containers
#
# BuildKit is needed (it is Docker's default). Neither image holds a secret, nor runs as root.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS tools
COPY requirements/uv.txt /build/requirements/
RUN --mount=type=cache,target=/cache \
    pip install --cache-dir /cache/pip --no-compile --require-hashes \
        --requirement /build/requirements/uv.txt
WORKDIR /build
# Compiled in the image: a container that does it at its start needs ten seconds more.
ENV UV_CACHE_DIR=/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1


FROM tools AS agent-packages
COPY requirements/docker-agent.txt requirements/
RUN --mount=type=cache,target=/cache \
    uv venv --quiet /opt/agent \
    && uv pip install --quiet --python /opt/agent --require-hashes \
        --requirement requirements/docker-agent.txt


# As the official image: the configuration is at /opt/dagster/app/dagster.yaml, a container of it
# needs /var/run/docker.sock, and its user the group of that file (docker run --group-add).
FROM python:${PYTHON}-slim AS agent
RUN useradd --uid 1000 --create-home dagster && install --directory --owner=dagster /opt/dagster/app
COPY --from=agent-packages /opt/agent /opt/agent
ENV PATH=/opt/agent/bin:$PATH \
    DAGSTER_CLOUD_AGENT_SENTINEL_DIR=/tmp \
    PYTHONUNBUFFERED=1
USER dagster
WORKDIR /opt/dagster/app
# The agent touches the file four times a minute, as long as it polls.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=4 \
    CMD ["sh", "-c", "test -n \"$(find /tmp/liveness_sentinel.txt -mmin -1)\""]
CMD ["dagster-cloud", "agent", "run", "/opt/dagster/app"]


FROM tools AS packages
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN --mount=type=cache,target=/cache \
    uv venv --quiet /opt/dagstead \
    && uv pip install --quiet --python /opt/dagstead --require-hashes \
        --requirement requirements/runtime.txt \
    && uv venv --quiet /build/env \
    && uv pip install --quiet --python /build/env --require-hashes \
        --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /build/env/bin/python -m hatchling build --target wheel --directory dist \
    && uv pip install --quiet --python /opt/dagstead --no-deps dist/*.whl


FROM python:${PYTHON}-slim AS dagstead
# `dagstead backup` needs pg_dump, of the server's version or newer; a pool that runs code in
# containers keeps them from the host with nftables.
RUN apt-get update --quiet=2 \
    && apt-get install --quiet=2 --yes --no-install-recommends postgresql-client nftables >/dev/null \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --create-home dagstead \
    && install --directory --owner=dagstead /var/lib/dagstead
COPY --from=packages /opt/dagstead /opt/dagstead
ENV PATH=/opt/dagstead/bin:$PATH \
    DAGSTEAD_DATA=/var/lib/dagstead \
    DAGSTEAD_HOST=0.0.0.0 \
    PYTHONUNBUFFERED=1
USER dagstead
WORKDIR /var/lib/dagstead
VOLUME /var/lib/dagstead
EXPOSE 3000
# Of the web server; the other parts have no port.
HEALTHCHECK --interval=15s --timeout=10s --start-period=90s --retries=4 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:3000/health', timeout=8)"]
ENTRYPOINT ["dagstead"]
CMD ["up"]
