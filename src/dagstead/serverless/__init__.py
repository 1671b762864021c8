"""The managed pool: an official agent whose launcher runs code locations from PEX files.

It owns one folder (:class:`~dagstead.serverless.home.PoolHome`) with the agent's configuration,
the unpacked PEX files, and a record of every process that it started. ``server`` writes the folder
and starts the agent as a child (:mod:`dagstead.serverless.agent_home`); the agent then loads
:class:`~dagstead.serverless.launcher.PexUserCodeLauncher` by its name.

The pool is a client of the control plane like any other agent: it must not reach into the store,
and nothing of the control plane's own environment may reach user code.
"""
