"""What official agents and run workers call.

Only the server's wiring may import it. It imports no other surface and holds no SQL.
"""
