"""What locations have in common is written once, or everywhere."""

from __future__ import annotations

from textwrap import dedent

from dagstead.repository.layouts.model import Layout
from tests.unit.repository.layouts.projects import migrated, planned

_FILE = "dagster_cloud.yaml"
_FACTORED = dedent(
    """\
    # ours
    defaults:
      build:
        registry: host/all
      container_context:
        k8s:
          env_vars: [A=1]
      agent_queue: 'gpu'
    locations:
      - location_name: a
        build:
          directory: a
      - location_name: b
        build: {directory: b}
        attribute: x
    """
)
_EXPANDED = dedent(
    """\
    # ours
    locations:
      - location_name: a
        build:
          directory: a
          registry: host/all
        container_context:
          k8s:
            env_vars: [A=1]
        agent_queue: 'gpu'
      - location_name: b
        build: {directory: b, registry: host/all}
        attribute: x
        container_context:
          k8s:
            env_vars: [A=1]
        agent_queue: 'gpu'
    """
)


def test_defaults_are_written_out() -> None:
    after = migrated({_FILE: _FACTORED}, Layout.ROOT, factor_defaults=False)

    assert after == {_FILE: _EXPANDED}


def test_what_all_have_in_common_becomes_defaults() -> None:
    after = migrated({_FILE: _EXPANDED}, Layout.ROOT, factor_defaults=True)

    assert after == {_FILE: _FACTORED}


def test_both_leave_alone_what_is_so_already() -> None:
    assert not planned({_FILE: _EXPANDED}, Layout.ROOT, factor_defaults=False).changes
    assert not planned({_FILE: _FACTORED}, Layout.ROOT, factor_defaults=True).changes


def test_one_location_has_nothing_in_common() -> None:
    one = "locations:\n  - location_name: a\n    image: x\n"

    assert not planned({_FILE: one}, Layout.ROOT, factor_defaults=True).changes


def test_an_entry_without_the_value_keeps_it_out_of_the_defaults() -> None:
    some = "locations:\n  - location_name: a\n    image: x\n  - location_name: b\n"

    assert not planned({_FILE: some}, Layout.ROOT, factor_defaults=True).changes


def test_a_person_learns_who_reads_defaults() -> None:
    plan = planned({_FILE: _EXPANDED}, Layout.ROOT, factor_defaults=True)

    assert any("ci template" in each for each in plan.remarks)
