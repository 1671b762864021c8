"""What the managed pool promises, whatever runs its code: the same tests for every backend.

``tests/compat/pool`` collects them for processes, ``tests/containers/docker_pool`` for containers.
"""
