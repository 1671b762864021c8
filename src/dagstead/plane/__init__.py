"""The control plane's nouns and rules: deployments, locations, requests, agents, tokens.

Frozen values and pure functions, which every higher room may import. No I/O, no SQL, no Dagster.
"""
