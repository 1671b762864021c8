"""What becomes of texts when locations move between files."""

from __future__ import annotations

from textwrap import dedent

import pytest

from dagstead.repository.layouts.model import Layout, difference
from tests.unit.repository.layouts.projects import migrated, planned

_FILE = "dagster_cloud.yaml"


def text(value: str) -> str:
    return dedent(value).lstrip("\n")


_ROOT = text(
    """
    # What we deploy.

    locations:
      # Nightly.
      - location_name: etl  # the one
        code_source:
          package_name: "etl"   # a package
        build:
          directory: "./etl"

      - location_name: 'reports'
        build: {directory: reports, registry: host/reports}
        code_source: {module_name: reports.definitions}
        # until spring
        agent_queue: gpu
        # end of reports
    # That is all.
    """
)


def test_every_entry_moves_with_its_comments_and_its_writing() -> None:
    assert migrated({_FILE: _ROOT}, Layout.PER_LOCATION) == {
        "etl/dagster_cloud.yaml": text(
            """
            # What we deploy.
            locations:
              # Nightly.
              - location_name: etl  # the one
                code_source:
                  package_name: "etl"   # a package
                build:
                  directory: "."
            """
        ),
        "reports/dagster_cloud.yaml": text(
            """
            locations:
              - location_name: 'reports'
                build: {directory: ., registry: host/reports}
                code_source: {module_name: reports.definitions}
                # until spring
                agent_queue: gpu
                # end of reports
            # That is all.
            """
        ),
    }


def test_files_become_one_in_the_indentation_of_the_first() -> None:
    files = {
        "a/dagster_cloud.yaml": "locations:\n    - location_name: a\n      image: x\n",
        "b/dagster_cloud.yaml": (
            "# B alone\nlocations:\n- location_name: b\n  # none\n  code_source:\n"
            "    package_name: b\n  build:\n    directory: ../deep/er\n# end of b\n"
        ),
        "c/dagster_cloud.yaml": "locations:\n- location_name: c\n  build:  # soon\n",
    }

    assert migrated(files, Layout.ROOT) == {
        _FILE: text(
            """
            locations:
                - location_name: a
                  image: x

                # B alone
                - location_name: b
                  # none
                  code_source:
                    package_name: b
                  build:
                    directory: ./deep/er
                  # end of b

                - location_name: c
                  build:  # soon
                    directory: ./c
            """
        )
    }


def test_one_location_moves_and_the_others_keep_every_byte() -> None:
    after = migrated({_FILE: _ROOT}, Layout.PER_LOCATION, names=frozenset({"reports"}))

    assert sorted(after) == [_FILE, "reports/dagster_cloud.yaml"]
    assert (
        after[_FILE] == _ROOT[: _ROOT.index("\n  - location_name: 'reports'")] + "# That is all.\n"
    )


def test_line_ends_and_the_byte_order_mark_are_kept() -> None:
    before = "\ufeff" + _ROOT.replace("\n", "\r\n").rstrip()

    after = migrated({_FILE: before}, Layout.PER_LOCATION)

    for each in after.values():
        assert each.startswith("\ufeff")
        assert each.count("\n") == each.count("\r\n") > 0


def test_an_entry_goes_behind_those_of_a_file_that_is_there() -> None:
    files = {
        _FILE: "locations:\n- location_name: a\n  build: {directory: a}\n# end\n",
        "b/dagster_cloud.yaml": "locations: [{location_name: b, code_source: {package_name: b}}]",
    }

    assert migrated(files, Layout.ROOT, names=frozenset({"b"}))[_FILE] == (
        "locations:\n- location_name: a\n  build: {directory: a}\n\n"
        "- {location_name: b, code_source: {package_name: b}, build: {directory: ./b}}\n# end\n"
    )


def test_a_file_that_does_not_count_stays_where_it_is_until_it_is_named() -> None:
    files = {
        _FILE: "locations:\n- location_name: a\n  build: {directory: a}\n",
        "b/dagster_cloud.yaml": "locations: [{location_name: b, code_source: {package_name: b}}]",
    }

    assert planned(files, Layout.ROOT).changes == ()
    assert "b/dagster_cloud.yaml" not in migrated(files, Layout.ROOT, names=frozenset({"b"}))


def test_a_location_beside_the_root_file_is_said_to_be_deployed_no_more() -> None:
    entry = "- location_name: {0}\n  build: {{directory: {0}}}\n"
    files = {_FILE: "locations:\n" + entry.format("a") + entry.format("b")}

    one = planned(files, Layout.PER_LOCATION, names=frozenset({"b"}))
    both = planned(files, Layout.PER_LOCATION)

    expected = (
        "'b' would no longer be deployed unless CI names its file. b/dagster_cloud.yaml is not "
        "deployed: dagster_cloud.yaml, which is at the root, is."
    )
    assert [each for each in one.remarks if "no longer" in each] == [expected]
    assert not any("no longer" in each for each in both.remarks)


@pytest.mark.parametrize(
    "empty", ["", "# nothing yet\n", "locations: []\n", "locations:\n", "{}\n"]
)
def test_an_empty_root_file_is_filled(empty: str) -> None:
    files = {_FILE: empty, "b/dagster_cloud.yaml": "locations:\n  - location_name: b\n"}

    (after,) = migrated(files, Layout.ROOT).values()

    added = "locations:\n  - location_name: b\n    build:\n      directory: ./b\n"
    assert after.rstrip("\n") + "\n" == ("# nothing yet\n" if "#" in empty else "") + added


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("directory: ./etl", "directory: ."),
        ("directory: etl/", "directory: ."),
        ("directory: /etl", "directory: /etl"),
        ("directory: 'etl'", "directory: '.'"),
        ("directory: etl/../reports", "directory: ../reports"),
    ],
)
def test_a_build_directory_is_rebased_in_its_quotes(written: str, expected: str) -> None:
    before = {_FILE: f"locations:\n  - location_name: n\n    build: {{{written}}}\n"}

    (after,) = migrated(before, Layout.PER_LOCATION, folders={"n": "etl"}).values()

    assert f"build: {{{expected}}}" in after


def test_what_is_looked_up_where_the_code_runs_stays() -> None:
    entry = (
        "  - location_name: n\n    working_directory: ./src\n    executable_path: bin/python\n"
        "    code_source: {python_file: defs.py}\n    build: {directory: etl}\n"
    )

    (after,) = migrated({_FILE: "locations:\n" + entry}, Layout.PER_LOCATION).values()

    assert after == "locations:\n" + entry.replace("directory: etl", "directory: .")


def test_an_image_that_exists_gets_no_build_directory() -> None:
    file = "locations:\n  - location_name: a\n    image: host/a:1\n"

    assert migrated({"a/dagster_cloud.yaml": file}, Layout.ROOT) == {_FILE: file}


def test_the_name_of_the_files_is_kept() -> None:
    file = "locations:\n  - location_name: a\n    build: {directory: .}\n"

    assert list(migrated({"a/dagster-cloud.yml": file}, Layout.ROOT)) == ["dagster-cloud.yml"]


def test_defaults_are_written_out_where_a_location_moves() -> None:
    before = text(
        """
        # ours
        defaults:
          # for all
          agent_queue: general
          container_context:
            k8s:
              env_vars: [A=1, B=2]
          build:
            registry: host/all
        locations:
          - location_name: a
            build:
              directory: a
            container_context:
              k8s:
                env_vars:  # own
                  - B=3
          - location_name: b
            build: {directory: b}
            agent_queue: own
        """
    )

    after = migrated({_FILE: before}, Layout.PER_LOCATION, names=frozenset({"a"}))

    assert after["a/dagster_cloud.yaml"] == text(
        """
        locations:
          - location_name: a
            build:
              directory: .
              registry: host/all
            container_context:
              k8s:
                env_vars:  # own
                  - A=1
                  - B=3
            agent_queue: general
        """
    )
    assert after[_FILE].startswith("# ours\ndefaults:\n  # for all\n")


def test_an_alias_is_written_out_when_what_it_names_goes_elsewhere() -> None:
    before = text(
        """
        locations:
          - &base
            location_name: a
            build: {directory: a}
            container_context: &context
              k8s:
                env_vars: [A=1]
          - <<: *base
            location_name: b
            build: {directory: b}
            attribute: &own x
            agent_queue: *own
          - location_name: c
            build: {directory: c}
            container_context: *context  # as a
        """
    )

    after = migrated({_FILE: before}, Layout.PER_LOCATION)

    assert after["b/dagster_cloud.yaml"] == text(
        """
        locations:
          - container_context:
              k8s:
                env_vars: [A=1]
            location_name: b
            build: {directory: .}
            attribute: &own x
            agent_queue: *own
        """
    )
    assert after["c/dagster_cloud.yaml"] == text(
        """
        locations:
          - location_name: c
            build: {directory: .}
            container_context:  # as a
              k8s:
                env_vars: [A=1]
        """
    )


def test_anchors_of_two_files_do_not_meet() -> None:
    files = {
        f"{name}/dagster_cloud.yaml": (
            f"locations:\n  - location_name: &n {name}\n    agent_queue: *n\n"
            "    build: {directory: .}\n"
        )
        for name in "ab"
    }

    after = migrated(files, Layout.ROOT)[_FILE]

    assert "&n a\n    agent_queue: *n\n" in after
    assert "&n-2 b\n    agent_queue: *n-2\n" in after


def test_brackets_are_opened() -> None:
    before = (
        '{"locations": [{"location_name": "a", "build": {"directory": "a"}},\n'
        '  {"location_name": "b", "build": {"directory": "b"}}]}\n'
    )

    after = migrated({_FILE: before}, Layout.PER_LOCATION)

    assert after["b/dagster_cloud.yaml"] == (
        'locations:\n  - {"location_name": "b", "build": {"directory": "."}}\n'
    )


def test_a_location_that_both_layouts_define_alike_is_kept_once() -> None:
    files = {
        _FILE: "locations:\n  - location_name: a\n    build: {directory: a}\n",
        "a/dagster_cloud.yaml": "# alone\nlocations:\n  - location_name: a\n",
    }

    assert migrated(files, Layout.ROOT) == {
        _FILE: "locations:\n  # alone\n  - location_name: a\n    build: {directory: a}\n"
    }
    assert migrated(files, Layout.PER_LOCATION) == {"a/dagster_cloud.yaml": files["a/" + _FILE]}


def test_the_old_definitions_can_be_kept() -> None:
    after = migrated({_FILE: _ROOT}, Layout.PER_LOCATION, keep=True)

    assert after[_FILE] == _ROOT
    assert len(after) == 3


def test_the_diff_is_one_that_git_applies() -> None:
    one = "locations:\n  - location_name: a\n    build: {directory: a}"
    changes = planned({_FILE: one}, Layout.PER_LOCATION).changes

    text = "".join(difference(each) for each in changes)

    assert text.startswith("--- /dev/null\n+++ b/a/dagster_cloud.yaml\n@@ -0,0 +1,3 @@\n")
    assert text.endswith("-    build: {directory: a}\n\\ No newline at end of file\n")


def test_a_file_that_is_indented_as_a_whole_is_filled_so() -> None:
    files = {_FILE: "  defaults: {}\n", "b/dagster_cloud.yaml": "locations:\n- location_name: b\n"}

    after = migrated(files, Layout.ROOT, factor_defaults=None)

    assert after[_FILE].splitlines()[-4:] == [
        "  locations:",
        "    - location_name: b",
        "      build:",
        "        directory: ./b",
    ]
