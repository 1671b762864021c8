"""What is known of pushed images, on both databases."""

from __future__ import annotations

from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.pex_files import Uploader
from dagstead.plane.registry import PushedImage
from dagstead.store.all import Store

DIGEST, OTHER = (f"sha256:{each * 64}" for each in "ab")
WEATHER = Uploader(locations=frozenset({"weather"}))


def image(at: float, digest: str = DIGEST, **more: object) -> PushedImage:
    values = {"repository": "prod", "tag": "1", "uploader": Uploader(), "by": "ci", **more}
    return PushedImage(digest=digest, pushed_at=at, needed_at=at, **values)  # type: ignore[arg-type]


def test_the_newest_comes_first_and_the_same_counts_once(store: Store) -> None:
    pushed = store.pushed_images
    pushed.add(image(1.0))
    pushed.add(image(2.0, OTHER))
    pushed.add(image(3.0, by="another"))
    pushed.add(image(4.0, uploader=WEATHER))
    pushed.add(image(5.0, repository="staging"))

    assert pushed.within(["prod", "nowhere"]) == [
        image(4.0, uploader=WEATHER),
        image(3.0, by="another"),
        image(2.0, OTHER),
    ]
    assert [each.pushed_at for each in pushed.all(ORGANIZATION)] == [2.0, 3.0, 4.0, 5.0]


def test_what_is_pushed_again_meanwhile_is_not_forgotten(store: Store) -> None:
    store.pushed_images.add(image(1.0))
    store.pushed_images.add(image(3.0, tag="2"))

    store.pushed_images.forget("prod", DIGEST, before=2.0)

    assert store.pushed_images.within(["prod"]) == [image(3.0, tag="2")]


def test_what_is_needed_counts_from_then_on_and_is_pushed_when_it_was(store: Store) -> None:
    parts = frozenset({OTHER})
    store.pushed_images.add(image(1.0, size=5_000_000_000, parts=parts))
    store.pushed_images.add(image(2.0, OTHER))

    store.pushed_images.renew([DIGEST], 9.0)
    store.pushed_images.renew([], 10.0)

    newest, first = store.pushed_images.within(["prod"])
    assert newest == image(2.0, OTHER)
    assert (first.pushed_at, first.needed_at) == (1.0, 9.0)
    assert (first.size, first.parts) == (5_000_000_000, parts)
