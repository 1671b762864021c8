"""Build plans and building: how each code location becomes something that an agent can run.

``cli`` and ``client`` call it; it stands on ``project`` and ``routing``. It starts programs (uv,
docker, git, the target Python) and never speaks to a control plane.
"""
