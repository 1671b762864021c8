"""The control plane's nouns and rules: deployments, locations, requests, agents, tokens.

Frozen values and pure functions. Every other room may import it. No I/O, no SQL, no Dagster here.
"""
