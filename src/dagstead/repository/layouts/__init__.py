"""Layouts: in which files the locations of a repository are defined, and moving between them.

:func:`dagstead.repository.layouts.migration.plan_migration` works out every file as it is to be,
from texts to texts, and proves that the same locations come out of them;
:func:`dagstead.repository.layouts.restore.plan_repair` brings back what a merge of files has
lost. Only ``tree`` and ``history`` read what is beside the configuration, and only ``journal``
writes.

Files are changed by edits of their text, not by loading and dumping it: an entry is a stretch of
lines, so that comments, order, quotes, line ends and indentation stay as a person wrote them. A
round trip through ruamel.yaml would be weaker here: it ties a comment to the token before it, so
that the comment above an entry stays behind with the entry before; it changes indentation and blank
lines of the whole file, and drops a byte order mark. tomlkit does what text cannot: tables of dg
that are written inline.
"""
