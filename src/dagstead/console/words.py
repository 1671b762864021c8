"""How values are written on pages: ages, names, counts and states."""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup, escape

from dagstead.model.text import escaped_line, plain_lines

#: What stands where there is nothing.
NOTHING = "\N{EN DASH}"

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_CUT = "…"


def shown(value: object) -> object:
    """A value as a page shows it, before it is escaped: on one line, without control characters."""
    if value is None:
        return NOTHING
    if isinstance(value, Markup):
        return value
    return escaped_line(value) if isinstance(value, str) else value


def lines(text: str | None) -> Markup:
    """A text of several lines, such as a traceback."""
    return escape(plain_lines(text or ""))


def asked(api: str) -> str:
    """What a request asks of an agent, in words: the protocol has names for it."""
    return api.removeprefix("GET_EXTERNAL_").replace("_", " ").capitalize()


def age(seconds: float | None, now: float) -> Markup:
    """How long ago something was, or how far ahead it is; exact when it is pointed at."""
    if seconds is None:
        return escape(NOTHING)
    exact = moment(seconds)
    iso = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    ahead = seconds > now + 1
    words = span(abs(now - seconds))
    said = f"in {words}" if ahead else words
    return Markup('<time datetime="{}" title="{}">{}</time>').format(iso, exact, said)


def moment(seconds: float | None) -> str:
    """A time in UTC."""
    if seconds is None:
        return NOTHING
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: float) -> str:
    """A period of time, short."""
    whole = int(max(0.0, seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h"
    return f"{whole // _DAY} days"


def prose(text: str | None) -> Markup:
    """A sentence of ours, in which a command stands between backticks."""
    parts = escaped_line(text or "").split("`")
    marked = [
        Markup("<code>{}</code>").format(part) if at % 2 and at < len(parts) - 1 else escape(part)
        for at, part in enumerate(parts)
    ]
    return Markup("").join(marked)


def launcher(name: str | None) -> str:
    """What an agent starts code with, from the name of its class."""
    short = (name or "").removesuffix("UserCodeLauncher")
    return {"K8s": "Kubernetes", "Ecs": "ECS", "Process": "processes"}.get(short, short) or NOTHING


def took(seconds: float | None) -> str:
    """How long something took."""
    if seconds is None:
        return NOTHING
    if seconds < _MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004
    minutes, rest = divmod(int(seconds), _MINUTE)
    return f"{minutes} min {rest} s" if minutes < _MINUTE else span(seconds)


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def cut(text: str | None, most: int = 40) -> Markup:
    """A name, cut in its middle if it is long; whole when it is pointed at."""
    if text is None:
        return escape(NOTHING)
    whole = escaped_line(text)
    if len(whole) <= most:
        return escape(whole)
    head = (most - 1) * 2 // 3
    tail = most - 1 - head
    short = f"{whole[:head]}{_CUT}{whole[-tail:]}"
    return Markup('<span class="cut" title="{}">{}</span>').format(whole, short)


def commit(text: str | None) -> str:
    """A commit as people say it."""
    return NOTHING if not text else escaped_line(text)[:8]


def words(text: str) -> str:
    """A value of ours as words of a sentence."""
    return text.replace("_", " ")
