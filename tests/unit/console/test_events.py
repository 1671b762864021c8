"""The stream by which a page hears that it should look again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from markupsafe import escape

from dagstead.console.events import stream_of, topics
from dagstead.console.links import Links
from dagstead.control import bell
from dagstead.control.actor import SYSTEM
from dagstead.errors import ForbiddenError, InvalidInputError, NotFoundError
from tests.unit.console.conftest import Console


async def _next(stream: AsyncIterator[str]) -> str:
    async with asyncio.timeout(20):
        return await anext(stream)


def test_a_page_hears_the_bell(fresh: Console) -> None:
    granted = fresh.control.deployments.granted(SYSTEM)

    async def hear() -> list[str]:
        stream = stream_of(fresh.services, topics(granted))
        first = await _next(stream)
        fresh.services.control.bell.ring(bell.locations("prod"))
        return [first, await _next(stream)]

    first, second = asyncio.run(hear())
    assert first == f"event: hello\ndata: {fresh.services.renderer.assets.digest}\n\n"
    assert second == "event: changed\ndata:\n\n"


def test_the_page_of_a_location_hears_its_code_server(fresh: Console) -> None:
    where = Links().events("prod", "weather")
    assert f'data-events="{escape(where)}"' in fresh.get("/-/locations/prod/weather").text
    for reader, deployment, name in (("of staging", "prod", "weather"), ("the admin", "prod", "x")):
        address = Links().events(deployment, name)
        with pytest.raises((ForbiddenError, NotFoundError)):
            fresh.get(address, reader, accept="text/event-stream")


def test_who_does_not_listen_is_not_made_to_wait(fresh: Console) -> None:
    with pytest.raises(InvalidInputError, match="Accept: text/event-stream"):
        fresh.get("/-/events", accept="*/*")


def test_a_stream_ends_with_its_process(fresh: Console) -> None:
    closing = replace(fresh.services, is_closing=lambda: True)

    async def all_of_it() -> list[str]:
        return [text async for text in stream_of(closing, [])]

    assert len(asyncio.run(all_of_it())) == 1


def test_a_page_listens_to_what_its_reader_may_see(fresh: Console) -> None:
    granted = fresh.control.deployments.granted(SYSTEM)
    staging = [each for each in granted if each.name == "staging"]
    assert topics(staging) == [bell.releases("staging"), bell.locations("staging")]
