"""The command ``dagstead``: one file per noun, thin.

The console script calls ``main``; nobody else imports this room. A command parses, calls
``dagstead.server`` or the control plane's surfaces, and prints; it decides nothing.
"""
