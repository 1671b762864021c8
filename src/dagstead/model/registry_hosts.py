"""How images of the installation's registry are named: by the control plane's own address."""

from __future__ import annotations

from urllib.parse import urlsplit


def registry_host(url: str) -> str:
    """The host of a control plane's address, with its port where Docker needs one."""
    parts = urlsplit(url)
    is_plain = parts.port is None and "." not in parts.netloc and parts.netloc != "localhost"
    if is_plain:
        # Docker would take a bare word for a folder of Docker Hub.
        return f"{parts.netloc}:{443 if parts.scheme == 'https' else 80}"
    return parts.netloc
