"""What the official command line gets of a launch that failed: a text, not the name of an error."""

from __future__ import annotations

from typing import Any

import pytest
from dagster_cloud_cli import gql
from dagster_graphql.schema.errors import GrapheneInvalidSubsetError
from graphql import GraphQLResolveInfo, GraphQLSchema, build_schema, graphql_sync

from dagstead.operator_api.refusals import python_error, readable

_SCHEMA = """
type Query { a: Int }
type Mutation { launchRun(executionParams: ExecutionParams!): Answer }
input ExecutionParams { a: Int }
union Answer = LaunchRunSuccess | PythonError | InvalidSubsetError
type LaunchRunSuccess { run: Run }
type Run { runId: ID, tags: [Tag], status: String, runConfigYaml: String }
type Tag { key: String, value: String }
type PythonError { message: String, stack: [String] }
type InvalidSubsetError { message: String }
"""
_UI = """
mutation Launch($executionParams: ExecutionParams!) {
  launchRun(executionParams: $executionParams) {
    ... on InvalidSubsetError { message }
    ... on PythonError { message }
  }
}
"""
_AWAY = "dagster._core.errors.DagsterUserCodeUnreachableError: 'ml': nobody serves it. Start one."


def answered(document: str, answer: object) -> Any:
    """What `readable` makes of an answer to a document."""
    made: list[object] = []

    def launch(_root: object, info: GraphQLResolveInfo, **_arguments: object) -> None:
        made.append(readable(info, answer))

    schema: GraphQLSchema = build_schema(_SCHEMA)
    assert schema.mutation_type is not None
    schema.mutation_type.fields["launchRun"].resolve = launch
    result = graphql_sync(schema, document, variable_values={"executionParams": {}})
    assert result.errors is None
    (only,) = made
    return only


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (_AWAY, "'ml': nobody serves it. Start one."),
        ("No qualified steps", "InvalidSubsetError: No qualified steps"),
    ],
)
def test_the_command_line_gets_the_sentence(message: str, said: str) -> None:
    error = GrapheneInvalidSubsetError(message=message, pipeline=None)
    made = answered(gql.LAUNCH_RUN_MUTATION, error)
    assert made._meta.name == "PythonError"
    assert made.resolve_message(None) == said


def test_whoever_reads_an_error_itself_gets_it() -> None:
    error = GrapheneInvalidSubsetError(message=_AWAY, pipeline=None)
    assert answered(_UI, error) is error


def test_other_answers_stay_as_they_are() -> None:
    for answer in (python_error("no"), object(), None):
        assert answered(gql.LAUNCH_RUN_MUTATION, answer) is answer
