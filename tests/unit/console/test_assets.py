"""Style sheets and scripts, ours and those of others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.support.environments import REPOSITORY
from tests.unit.console.conftest import Console

VENDOR = REPOSITORY / "src" / "dagstead" / "console" / "static" / "vendor"


def test_scripts_of_others_are_those_that_are_named() -> None:
    named = json.loads((VENDOR / "vendored.json").read_text(encoding="utf-8"))
    assert {each["file"] for each in named} == {path.name for path in VENDOR.glob("*.js")}
    for each in named:
        content = (VENDOR / each["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == each["sha256"], each["file"]
        assert "Zero-Clause BSD" in (VENDOR / each["license"]).read_text(encoding="utf-8")


def test_an_asset_is_kept_for_a_year_under_its_own_address(console: Console) -> None:
    assets = console.services.renderer.assets
    for name in ("console.css", "console.js", "htmx.min.js", "bar.css", "mark.svg"):
        answer = console.get(assets.address(name))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.content == assets.by_name[name].content
    old = console.get("/-/static/000000000000/console.css")
    assert old.headers["cache-control"] == "no-store"
    assert console.get("/-/static/x/nothing.css").status_code == 404
    assert console.get("/-/static/x/vendored.json").status_code == 404


def test_a_page_without_a_cache_is_small(console: Console) -> None:
    assets = console.services.renderer.assets
    names = ("console.css", "console.js", "htmx.min.js", "idiomorph-ext.min.js", "mark.svg")
    packed = sum(len(assets.by_name[name].packed) for name in names)
    page = console.get("/-/locations", **{"accept-encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    assert packed + int(page.headers["content-length"]) < 60_000


def test_no_style_sheet_asks_for_anything() -> None:
    for path in Path(VENDOR.parent).glob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert "url(" not in text
        assert "@import" not in text
