"""From a build folder to the Dockerfile, the build context, and what is copied from it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dagstead.model.location import Kind
from dagstead.repository.changes.dockerfiles import CopySource, context_sources
from dagstead.repository.changes.dockerignore import DockerIgnore, read_dockerignore
from dagstead.repository.changes.files import Files
from dagstead.repository.changes.parts import Edge, Hop, Subtree, above, is_below, joined

_DOCKERFILE = "Dockerfile"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageInputs:
    """What an image is built from beside its build folder."""

    #: What of the build folder is not in it; ``None`` also when that is unknown.
    ignored: DockerIgnore | None
    edges: tuple[Edge, ...]


class ImageReader:
    """Reads Dockerfiles, each once."""

    def __init__(
        self, files: Files, removed: frozenset[str], contexts: Mapping[str, Sequence[str]]
    ) -> None:
        self._files = files
        self._removed = removed
        self._known = contexts
        self._found: dict[tuple[str, bool, str | None], ImageInputs | None] = {}

    def of(self, folder: str, kind: Kind, context: str | None = None) -> ImageInputs | None:
        """The image of a build folder, ``None`` when there is none to build.

        The Dockerfile is the one in the folder; for a location that must have one, the nearest
        above it if the folder has none.

        Args:
            folder: the folder.
            kind: the kind of its location.
            context: what Docker gets, where that is known to be another folder.
        """
        if kind is Kind.PREBUILT:
            return None
        key = folder, kind is Kind.HYBRID, context
        if key not in self._found:
            self._found[key] = self._read(folder, context, is_hybrid=kind is Kind.HYBRID)
        return self._found[key]

    def _read(self, folder: str, context: str | None, *, is_hybrid: bool) -> ImageInputs | None:
        candidates = [folder, *above(folder)] if is_hybrid else [folder]
        edges: list[Edge] = []
        for each in candidates:
            path = joined(each, _DOCKERFILE) or _DOCKERFILE
            if each != folder and self._matters(path):
                hop = Hop(file=path, what=f"(nearest above {folder})")
                edges.append(Edge(to=Subtree(path=path), hop=hop))
            if self._files.is_file(path):
                sources = tuple(context_sources(self._text(path) or ""))
                contexts = self._known.get(path) or (context or self._context(sources, each),)
                return self._image(path, folder, contexts, edges, is_hybrid=is_hybrid)
        if context is not None and is_hybrid:
            # A Dockerfile is generated that copies all of it.
            hop = Hop(file=folder, what="is built as an image of the workspace around it")
            edges.append(Edge(to=Subtree(path=context), hop=hop))
        return ImageInputs(ignored=None, edges=tuple(edges)) if is_hybrid else None

    def _image(
        self,
        path: str,
        folder: str,
        contexts: Sequence[str],
        edges: list[Edge],
        *,
        is_hybrid: bool,
    ) -> ImageInputs:
        sources = tuple(context_sources(self._text(path) or ""))
        for context in contexts:
            ignored = self._ignored(context, path)
            copied = self._copied(path, sources, context, ignored)
            # What the folder has is in it already, whatever docker ignores of it.
            edges += (each for each in copied if each.to != Subtree(path=folder, ignored=ignored))
            edges += (
                Edge(to=Subtree(path=each), hop=Hop(file=path, what="(its build context's)"))
                for each in self._ignore_files(context, path)
                if self._matters(each) and not is_below(each, folder)
            )
        # Only where the folder itself is the context is all of it seen by docker alone.
        alone = is_hybrid and tuple(contexts) == (folder,)
        return ImageInputs(
            ignored=self._ignored(folder, path) if alone else None, edges=tuple(edges)
        )

    def _context(self, sources: tuple[CopySource, ...], beside: str) -> str:
        """The nearest folder, at or above the Dockerfile, that has all that is copied."""
        named = [each.path for each in sources if not each.is_cut]
        for each in (beside, *above(beside)):
            if all(self._files.exists(joined(each, path) or "") for path in named):
                return each
        return beside

    def _copied(
        self, path: str, sources: tuple[CopySource, ...], context: str, ignored: DockerIgnore | None
    ) -> Iterator[Edge]:
        for each in sources:
            target = joined(context, each.path)
            if target is not None:
                hop = Hop(file=path, line=each.line, what=each.what)
                yield Edge(to=Subtree(path=target, ignored=ignored), hop=hop)

    def _ignored(self, context: str, path: str) -> DockerIgnore | None:
        for file in self._ignore_files(context, path):
            text = self._text(file)
            if text is not None:
                always = frozenset({path, file})
                return read_dockerignore(context, text, always)
        return None

    def _ignore_files(self, context: str, path: str) -> tuple[str, ...]:
        return f"{path}.dockerignore", posixpath.normpath(f"{context}/.dockerignore")

    def _matters(self, path: str) -> bool:
        """Whether a file is there, or was before the change."""
        return path in self._removed or self._files.is_file(path)

    def _text(self, path: str) -> str | None:
        data = self._files.read(path)
        return None if data is None else data.decode("utf-8", errors="replace")
