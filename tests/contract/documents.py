"""Finds the GraphQL operations that an official package can send, by reading all its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from graphql import GraphQLError, parse
from graphql.language import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    Visitor,
    visit,
)

#: No package of theirs spells an operation without one of these words, followed by its name.
_OPERATION_WORDS = ("query", "mutation", "subscription")


@dataclass(frozen=True, kw_only=True)
class Document:
    """One operation with the fragments that it needs."""

    #: Where it stands: the module's path in the package, and the line.
    module: str
    line: int
    text: str

    @property
    def operation(self) -> OperationDefinitionNode:
        """The operation itself."""
        return next(_operations(parse(self.text)))

    @property
    def name(self) -> str:
        """The operation's name."""
        return _name(self.operation)

    @property
    def paths(self) -> list[str]:
        """The fields that it calls, as ``runs.getRunById``, by which two minors' are compared."""
        return [path for root in _fields(self.operation) for path in _paths(root)]


#: Root fields that only hold further operations.
_NAMESPACES = frozenset({"runs", "eventLogs", "schedules", "defsState", "userCloudAgent"})


@dataclass
class _Module:
    """The texts of one module: whole ones by the name they are assigned to, and all others."""

    path: Path
    name: str
    known: dict[str, str] = field(default_factory=dict)
    found: list[tuple[int, str]] = field(default_factory=list)
    unread: list[tuple[int, str]] = field(default_factory=list)


class UnreadableDocumentError(Exception):
    """A text that looks like an operation is put together in a way that is not understood here."""


def documents_of(package: Path) -> list[Document]:
    """Every operation that the package's source spells, each text once.

    Raises:
        UnreadableDocumentError: if there may be one that this reading misses.
    """
    modules = {path: _read(path, package) for path in sorted(package.rglob("*.py"))}
    found: dict[str, Document] = {}
    for module in modules.values():
        for line, text in module.found:
            found.setdefault(text, Document(module=module.name, line=line, text=text))
    complete = list(found.values())
    _check_nothing_is_missed(modules, complete)
    return complete


def _read(path: Path, package: Path) -> _Module:
    module = _Module(path, str(path.relative_to(package.parent)))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assigned = _read_assignments(tree, module)
    for node in ast.walk(tree):
        text = None if node in assigned else _lone_text(node, module.known)
        if text is not None and _is_complete(text):
            module.found.append((getattr(node, "lineno", 0), text))
        if isinstance(node, ast.Constant | ast.JoinedStr) and _looks_like_operation(node):
            module.unread.append((node.lineno, ast.unparse(node)))
    return module


def _read_assignments(tree: ast.AST, module: _Module) -> set[ast.AST]:
    """Remember the texts that have a name; returns the nodes that they are made of."""
    seen: set[ast.AST] = set()
    for statement in ast.walk(tree):
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            continue
        text = _text(statement.value, module.known)
        if text is None:
            continue
        module.known.update(dict.fromkeys(_names(statement), text))
        seen.update(ast.walk(statement.value))
        if _is_complete(text):
            module.found.append((statement.lineno, text))
    return seen


def _lone_text(node: ast.AST, known: Mapping[str, str]) -> str | None:
    return _text(node, known) if isinstance(node, ast.Constant | ast.BinOp) else None


def _names(statement: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    for target in targets:
        if isinstance(target, ast.Name):
            yield target.id


def _text(node: ast.AST, known: Mapping[str, str]) -> str | None:
    """The text that an expression of constants, names and plus signs has."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left, known), _text(node.right, known)
        return None if left is None or right is None else left + right
    return None


def _parsed(text: str) -> DocumentNode | None:
    if not any(word in text for word in _OPERATION_WORDS) or "{" not in text:
        return None
    try:
        return parse(text, no_location=True)
    except GraphQLError:
        return None


def _is_complete(text: str) -> bool:
    """Whether the text is a document with an operation and every fragment that it names."""
    document = _parsed(text)
    if document is None or not any(_operations(document)):
        return False
    return _spreads(document) <= {
        definition.name.value
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }


def _looks_like_operation(node: ast.Constant | ast.JoinedStr) -> bool:
    """A text, or a part of a formatted one, that spells an operation."""
    if isinstance(node, ast.JoinedStr):
        text = "".join(
            part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "x"
            for part in node.values
        )
        document = _parsed(text)
    else:
        document = _parsed(node.value) if isinstance(node.value, str) else None
    return document is not None and any(_operations(document))


def _check_nothing_is_missed(modules: Mapping[Path, _Module], found: list[Document]) -> None:
    """Each constant that spells an operation is part of a document that was found."""
    operations = {document.name for document in found}
    for module in modules.values():
        for line, source in module.unread:
            value = ast.literal_eval(source) if not source.startswith(("f'", 'f"')) else None
            document = _parsed(value) if value else None
            name = None if document is None else _name(next(_operations(document)))
            if name not in operations:
                message = f"{module.name}:{line} spells an operation that could not be read"
                raise UnreadableDocumentError(message)


def _name(operation: OperationDefinitionNode) -> str:
    return operation.name.value if operation.name else ""


def _operations(document: DocumentNode) -> Iterator[OperationDefinitionNode]:
    return (
        definition
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    )


def _paths(root: FieldNode) -> list[str]:
    name = root.name.value
    if name not in _NAMESPACES:
        return [name]
    return [f"{name}.{inner.name.value}" for inner in _fields(root)]


def _fields(node: OperationDefinitionNode | FieldNode) -> list[FieldNode]:
    selections = node.selection_set.selections if node.selection_set else ()
    return [selection for selection in selections if isinstance(selection, FieldNode)]


def _spreads(document: DocumentNode) -> set[str]:
    names: set[str] = set()

    class Collector(Visitor):
        def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
            names.add(node.name.value)

    visit(document, Collector())
    return names
