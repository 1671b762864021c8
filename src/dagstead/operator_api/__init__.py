"""What the official CLI, the UI and our CLI call over GraphQL.

The open-source schema with the control plane's fields added (``operator.graphql``). Only the server
may import it. It authorises and translates; SQL and Dagster's engine do not belong here.
"""
