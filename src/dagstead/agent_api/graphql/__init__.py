"""The GraphQL of the agent surface: a lenient executor, and resolvers over a deployment's storage.

Called by the agent surface's routes, with a context they make for each request. Nothing here
reads the network, knows tokens, or writes SQL; what a request may see is decided by the context.
"""
