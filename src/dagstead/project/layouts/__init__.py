"""Layouts: in which files the locations of a repository are defined, and moving between them.

:func:`dagstead.project.layouts.planning.plan_migration` works out every file as it is to be, from
texts to texts, and proves that the same locations come out of them. Only ``tree`` reads what is
beside the configuration, and only ``journal`` writes.

Files are changed by edits of their text, not by loading and dumping it: an entry is a stretch of
lines, so that comments, order, quotes, line ends and indentation stay as a person wrote them.
"""
