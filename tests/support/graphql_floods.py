"""GraphQL documents that are small and ask for much."""

from __future__ import annotations


def doubling(fragments: int, kind: str = "query", on: str = "Query") -> str:
    """Each fragment uses the next one twice, so that the last one is reached 2^n times."""
    chain = " ".join(
        f"fragment F{number} on {on} {{ ...F{number + 1} ...F{number + 1} }}"
        for number in range(fragments)
    )
    return f"{kind} {{ ...F0 }} {chain} fragment F{fragments} on {on} {{ version }}"


def fields_doubling(fragments: int) -> str:
    """The same with fields between, which are answered 2^n times if there is data for them."""
    chain = " ".join(
        f"fragment F{number} on Asset {{ parent {{ ...F{number + 1} }} "
        f"child {{ ...F{number + 1} }} }}"
        for number in range(fragments)
    )
    return f"{{ asset {{ ...F0 }} }} {chain} fragment F{fragments} on Asset {{ id }}"


def nested(levels: int) -> str:
    """Fields inside each other."""
    return "{" + "a {" * levels + "b" + "}" * levels + "}"


def chained(fragments: int) -> str:
    """Fragments inside each other."""
    chain = " ".join(
        f"fragment F{number} on Query {{ ...F{number + 1} }}" for number in range(fragments)
    )
    return f"{{ ...F0 }} {chain} fragment F{fragments} on Query {{ version }}"


#: Each is refused by one limit, named by a part of the refusal.
FLOODS = {
    "characters": "{ version " + " " * 1_048_576 + "}",
    "tokens": "{ " + "version " * 20_000 + "}",
    "aliases": "{ " + " ".join(f"a{number}: version" for number in range(10_000)) + "}",
    "some aliases": "{ " + " ".join(f"a{number}: version" for number in range(201)) + "}",
    "comments": "#\n" * 20_000 + "{ version }",
    "directives": "{ version " + "@skip(if: false) " * 5_000 + "}",
    "nested fields": nested(60),
    "nested fragments": chained(1_000),
    "doubling fragments": doubling(60),
    "doubling fields": fields_doubling(20),
}
