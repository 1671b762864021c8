"""Settings, wiring and life cycle: the room that puts all others together and keeps them running.

Called by ``dagstead.cli`` only. Nothing here knows what a request means: it authenticates, limits,
routes, starts and stops, and leaves the rest to the surfaces and the engine.
"""
