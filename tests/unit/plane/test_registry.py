"""Names of repositories and images in the installation's registry."""

from __future__ import annotations

import json

import pytest

from dagstead.errors import InvalidInputError
from dagstead.plane.pex_files import Uploader
from dagstead.plane.registry import (
    ImageManifest,
    OwnImage,
    PushedImage,
    Repository,
    folder_of,
    is_digest,
    is_repository,
    keeping_tag,
)

HOST = "plane.example.com:3000"
DIGEST = f"sha256:{'a' * 64}"
OTHER = f"sha256:{'b' * 64}"
LIMITED = Uploader(locations=frozenset({"weather"}))


@pytest.mark.parametrize("deployment", ["prod", "a-b", "a__b", "0", "0f" * 20])
def test_a_deployment_has_a_folder_of_its_name(deployment: str) -> None:
    assert folder_of(deployment) == deployment


@pytest.mark.parametrize("deployment", ["a_-b", "a___b", "a-", "a_"])
def test_a_name_that_registries_refuse_has_another_folder(deployment: str) -> None:
    folder = folder_of(deployment)

    assert is_repository(folder)
    assert "." in folder
    assert folder_of("b_") != folder_of("a_")


@pytest.mark.parametrize("uploader", [Uploader(), LIMITED])
@pytest.mark.parametrize("location", [None, "weather", "by-season/weather"])
def test_a_name_is_read_as_it_was_made(uploader: Uploader, location: str | None) -> None:
    made = Repository.of("prod", uploader)
    name = "/".join(filter(None, (made.name, location)))

    found = Repository.named(name)

    assert found == Repository(folder="prod", namespace=made.namespace, location=location)
    assert found.name == name


def test_who_may_deploy_a_part_has_a_repository_of_its_own() -> None:
    assert Repository.of("prod", Uploader()).name == "prod"
    assert Repository.of("prod", Uploader(deployments=frozenset({"prod"}))).name == "prod"
    parts = [LIMITED, Uploader(is_pull_request=True), Uploader(roles='{"some": 1}')]
    assert len({Repository.of("prod", each).name for each in parts} - {"prod"}) == len(parts)


@pytest.mark.parametrize("name", ["", "Prod", "prod/", "/prod", "prod//x", "../x", "a" * 256, "ö"])
def test_what_no_registry_takes_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot name a repository"):
        Repository.named(name)


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (f"{HOST}/prod:tag", ("prod", "tag", None)),
        (f"{HOST}/prod/weather", ("prod/weather", None, None)),
        (f"{HOST}/prod@{DIGEST}", ("prod", None, DIGEST)),
        (f"{HOST}/prod:a.B-1_c@{DIGEST}", ("prod", "a.B-1_c", DIGEST)),
    ],
)
def test_an_image_of_the_registry_is_read(
    image: str, found: tuple[str, str | None, str | None]
) -> None:
    repository, tag, digest = found
    assert OwnImage.named(image, HOST) == OwnImage(repository=repository, tag=tag, digest=digest)


@pytest.mark.parametrize("image", ["python:3.12", "", "plane.example.com/prod:tag", f"{HOST}1/x"])
def test_other_images_are_none_of_its_own(image: str) -> None:
    assert OwnImage.named(image, HOST) is None


@pytest.mark.parametrize("image", [f"{HOST}/", f"{HOST}/Prod:x", f"{HOST}/prod:", f"{HOST}/a b"])
def test_what_is_below_and_no_image_is_refused(image: str) -> None:
    with pytest.raises(InvalidInputError, match="is not the name of an image"):
        OwnImage.named(image, HOST)


def test_a_digest_counts_more_than_a_tag() -> None:
    pushed = PushedImage(
        repository="prod",
        tag="1",
        digest=DIGEST,
        uploader=Uploader(),
        by="ci",
        pushed_at=0.0,
        needed_at=0.0,
    )

    def is_meant(tag: str | None, digest: str | None) -> bool:
        return pushed.is_meant(OwnImage(repository="prod", tag=tag, digest=digest))

    assert is_meant("1", None)
    assert is_meant("1", DIGEST)
    assert is_meant("2", DIGEST)
    assert not is_meant("1", OTHER)
    assert not is_meant(None, None)


def test_each_content_has_a_tag_of_its_own() -> None:
    assert keeping_tag(DIGEST) != keeping_tag(OTHER)
    assert OwnImage.named(f"{HOST}/prod:{keeping_tag(DIGEST)}", HOST) is not None


def test_a_manifest_says_how_large_it_is_and_what_it_consists_of() -> None:
    image = b'{"config": {"size": 9}, "layers": [{"size": 3}, {"size": 4}]}'
    index = json.dumps({"manifests": [{"digest": DIGEST, "size": 5}, {"digest": "x"}]}).encode()

    assert ImageManifest.of(image).size == 7
    assert ImageManifest.of(index).parts == {DIGEST}
    assert is_digest(ImageManifest.of(image).digest)


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"null", b'{"layers": 3}', b'{"layers": [1]}'])
def test_a_manifest_of_another_form_says_nothing(body: bytes) -> None:
    found = ImageManifest.of(body)

    assert (found.size, found.parts) == (0, frozenset())
