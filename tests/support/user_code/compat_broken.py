"""Definitions that cannot be loaded."""


def read_configuration() -> None:
    message = "the code location is broken on purpose"
    raise RuntimeError(message)


read_configuration()
