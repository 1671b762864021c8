"""What is encrypted comes back, and nothing else does."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from dagstead.errors import DamagedSecretError, MasterKeyError
from dagstead.plane.envelopes import Envelope, rewrap, seal, unseal
from dagstead.plane.master_keys import MasterKey, new_master_key, read_master_keys

OLD, NEW = new_master_key(), new_master_key()


@given(some.binary(), some.binary())
def test_a_value_comes_back_before_and_after_another_key(value: bytes, place: bytes) -> None:
    sealed = seal(value, place, OLD)
    again = rewrap(Envelope.of_json(sealed.to_json()), place, OLD, NEW)
    assert unseal(sealed, place, OLD) == unseal(again, place, NEW) == value
    assert (sealed.key, again.key) == (OLD.id, NEW.id)
    with pytest.raises(DamagedSecretError):
        unseal(again, place, OLD)


@given(some.binary(), some.binary(), some.binary())
def test_a_value_is_of_one_place(value: bytes, place: bytes, other: bytes) -> None:
    sealed = seal(value, place, OLD)
    if place != other:
        with pytest.raises(DamagedSecretError):
            unseal(sealed, other, OLD)
        with pytest.raises(DamagedSecretError):
            rewrap(sealed, other, OLD, NEW)


@given(some.data())
def test_a_changed_bit_is_noticed(data: some.DataObject) -> None:
    sealed = seal(b"hunter2", b"place", OLD)
    field = data.draw(some.sampled_from(["wrapped", "sealed"]))
    content = bytearray(getattr(sealed, field))
    content[data.draw(some.integers(0, len(content) - 1))] ^= 1 << data.draw(some.integers(0, 7))
    changed: dict[str, Any] = {field: bytes(content)}
    with pytest.raises(DamagedSecretError):
        unseal(replace(sealed, **changed), b"place", OLD)


def test_parts_of_two_envelopes_make_no_third_one() -> None:
    one, two = seal(b"1", b"place", OLD), seal(b"2", b"place", OLD)
    for mixed in (replace(one, sealed=two.sealed), replace(one, wrapped=two.sealed)):
        with pytest.raises(DamagedSecretError):
            unseal(mixed, b"place", OLD)


def test_the_same_value_never_looks_the_same() -> None:
    looks = {seal(b"hunter2", b"place", OLD).sealed for _ in range(50)}
    assert len(looks) == 50
    assert all(b"hunter2" not in each for each in looks)


@pytest.mark.parametrize("between", ["\n", " ", ", ", "\n# older\n", " # remark\n"])
def test_keys_are_read_in_their_order(between: str) -> None:
    written = [OLD.text, base64.b64encode(NEW.material).decode()]
    assert read_master_keys(between.join(written), "here") == [OLD, NEW]
    urlsafe = base64.urlsafe_b64encode(OLD.material).decode()
    assert read_master_keys(f"\n{urlsafe}\n", "here") == [OLD]


@pytest.mark.parametrize("wrong", ["hunter2", "ab" * 31, "ab" * 33, "ü" * 44, "A" * 43])
def test_what_is_no_key_is_refused_without_showing_it(wrong: str) -> None:
    with pytest.raises(MasterKeyError) as refused:
        read_master_keys(f"{OLD.text} {wrong}", "the file")
    assert "Key 2 of the file is not a master key" in str(refused.value)
    assert wrong not in str(refused.value)


def test_a_key_is_named_without_being_shown() -> None:
    for shown in (repr(OLD), OLD.id):
        assert OLD.text[:16] not in shown
    assert MasterKey(OLD.material).id == OLD.id != NEW.id
