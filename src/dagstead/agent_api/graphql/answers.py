"""Answers that several fields share."""

from __future__ import annotations

from typing import Any, Final

from dagstead.agent_api.graphql.executor import TYPENAME

#: What a mutation that cannot fail by its own rules answers.
OK: Final = {"ok": True}

#: What a mutation answers that says success instead.
SUCCESS: Final = {"success": True, "error": None}


def python_error(error: Exception) -> dict[str, Any]:
    """An expected failure, by whose class name the official client raises its own.

    The stack stays here: it names files of this server.
    """
    return {
        TYPENAME: "PythonError",
        "message": str(error),
        "className": type(error).__name__,
        "stack": [],
        "cause": None,
        "causes": [],
    }


def failure(error: Exception) -> dict[str, Any]:
    """The answer of a mutation that failed by its own rules."""
    return {"ok": False, "success": False, "error": python_error(error)}
