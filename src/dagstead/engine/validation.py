"""Validates each GraphQL document once: the UI and clients send the same few texts all the time."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from graphql import ASTValidationRule, DocumentNode, GraphQLError, ParallelVisitor
from graphql.language.visitor import EnterLeaveVisitor
from graphql.validation import ValidationContext, specified_rules

#: The UI has some hundred documents, each with a constant text.
KEPT_TEXTS = 1_000

_EMPTY = DocumentNode(definitions=())


class ValidTexts:
    """The documents of one schema that were found valid lately, by the hashes of their texts.

    Safe to use from several threads.
    """

    def __init__(self, kept: int = KEPT_TEXTS) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._hashes: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, text: str) -> bool:
        found = _hash(text)
        with self._lock:
            if found not in self._hashes:
                return False
            self._hashes.move_to_end(found)
            return True

    def add(self, text: str) -> None:
        """Remember a text, and forget the one that was not asked for longest."""
        with self._lock:
            self._hashes[_hash(text)] = None
            if len(self._hashes) > self._kept:
                self._hashes.popitem(last=False)


def once_for_each_text(valid: ValidTexts) -> type[ASTValidationRule]:
    """A rule that stands for all of the specification's, and passes over what is in ``valid``.

    GraphQL's specification leaves out the validation of what is known to be
    valid: https://spec.graphql.org/October2021/#sec-Validation
    """

    class OnceForEachText(ASTValidationRule):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            self._rules: ParallelVisitor | None = None
            if _text(context.document) not in valid:
                noting = _ValidText(context, valid)
                self._rules = ParallelVisitor(
                    [*(rule(context) for rule in specified_rules), noting]
                )

        def get_enter_leave_for_kind(self, kind: str) -> EnterLeaveVisitor:
            if self._rules is not None:
                return self._rules.get_enter_leave_for_kind(kind)
            return super().get_enter_leave_for_kind(kind)

        def enter_document(self, *_: object) -> DocumentNode:
            """Go on with a document that has nothing to visit."""
            return _EMPTY

    return OnceForEachText


class _ValidText(ASTValidationRule):
    """The last rule: adds the text of a document in which no other one has found an error."""

    def __init__(self, context: ValidationContext, valid: ValidTexts) -> None:
        super().__init__(context)
        self._valid = valid
        self._found_none = True
        self._report = context.on_error
        # graphql-core declares it as a method, and has it as an attribute.
        context.on_error = self._note  # type: ignore[method-assign]

    def leave_document(self, node: DocumentNode, *_: object) -> None:
        if self._found_none:
            self._valid.add(_text(node))

    def _note(self, error: GraphQLError) -> None:
        self._found_none = False
        self._report(error)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _text(document: DocumentNode) -> str:
    if document.loc is None:
        msg = "A document without its text cannot be validated here: parse it with locations."
        raise ValueError(msg)
    return document.loc.source.body
