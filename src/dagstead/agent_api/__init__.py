"""What official agents and run workers call: REST endpoints, GraphQL and signed file addresses.

The server mounts it. It turns the wire's classes and field names into calls on store and engine;
no SQL here, and nothing of the operator's surface.
"""
