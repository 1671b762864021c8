"""Validates a GraphQL document only once: the UI and clients send the same few texts again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

from graphql import DocumentNode, GraphQLError, GraphQLSchema, validate

#: The UI has a few hundred documents, with constant texts.
KEPT_TEXTS = 1_000


class ValidTexts:
    """Remembers the valid documents of a schema, by the hashes of their texts.

    GraphQL's specification lets a server skip the validation of documents that are known to be
    valid: https://spec.graphql.org/October2021/#sec-Validation

    Safe to use from several threads.
    """

    def __init__(self, kept: int = KEPT_TEXTS) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._hashes: OrderedDict[bytes, None] = OrderedDict()

    def errors(
        self, schema: GraphQLSchema, text: str, document: DocumentNode
    ) -> Sequence[GraphQLError]:
        """The errors of a document. It is validated only if its text is not known to be valid.

        Args:
            schema: must be the same in all calls.
            text: of the document.
            document: parsed from ``text``.
        """
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        if self._knows(key):
            return ()
        errors = validate(schema, document)
        if not errors:
            self._add(key)
        return errors

    def _knows(self, key: bytes) -> bool:
        with self._lock:
            if key not in self._hashes:
                return False
            self._hashes.move_to_end(key)
            return True

    def _add(self, key: bytes) -> None:
        with self._lock:
            self._hashes[key] = None
            if len(self._hashes) > self._kept:
                self._hashes.popitem(last=False)
