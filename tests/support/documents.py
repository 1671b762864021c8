"""The operator GraphQL that a deployment's client sends."""

from __future__ import annotations

ERROR = """
fragment Whole on PythonError {
  message stack
  errorChain { error { message stack } }
}
"""

DEPLOY = """
mutation Deploy($document: GenericScalar!) {
  deployLocations(document: $document) {
    __typename
    ... on InvalidLocationError { errors }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
  }
}
"""

ADDRESSES = """
mutation Addresses($names: [String!]!) {
  generateServerlessPexUrl(filenames: $names, method: PUT) { url }
}
"""

DELETE = """
mutation Delete($name: String!) {
  deleteLocation(locationName: $name) {
    __typename
    ... on PythonError { message }
  }
}
"""

WORKSPACE = (
    """
query Workspace {
  workspaceOrError {
    ... on Workspace {
      locationEntries {
        name loadStatus
        locationOrLoadError {
          __typename
          ... on PythonError { ...Whole }
        }
      }
    }
  }
}
"""
    + ERROR
)

REPOSITORY = """
query Repository($selector: RepositorySelector!) {
  repositoryOrError(repositorySelector: $selector) {
    ... on Repository { jobs { name } }
  }
}
"""

LAUNCH = """
mutation Launch($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PipelineNotFoundError { message }
    ... on InvalidSubsetError { message }
  }
}
"""

RUN = """
query Run($runId: ID!) {
  runOrError(runId: $runId) {
    __typename
    ... on Run { runId status tags { key value } }
  }
}
"""

RUNS = """
query Runs($filter: RunsFilter!) {
  runsOrError(filter: $filter) {
    ... on Runs { results { runId status jobName tags { key value } } }
  }
}
"""

EVENTS = (
    """
query Events($runId: ID!, $cursor: String) {
  logsForRun(runId: $runId, afterCursor: $cursor) {
    __typename
    ... on PythonError { message stack }
    ... on EventConnection {
      cursor hasMore
      events {
        __typename
        ... on MessageEvent { message timestamp stepKey }
        ... on LogsCapturedEvent { fileKey }
        ... on ExecutionStepFailureEvent { error { ...Whole } }
        ... on RunFailureEvent { error { ...Whole } }
        ... on EngineEvent { error { ...Whole } }
      }
    }
  }
}
"""
    + ERROR
)

CAPTURED = """
query Captured($key: [String!]!) {
  capturedLogs(logKey: $key) { stdout stderr }
}
"""

TERMINATE = """
mutation Terminate($runId: String!) {
  terminateRun(runId: $runId) {
    __typename
    ... on TerminateRunFailure { message }
    ... on PythonError { message }
  }
}
"""

START_SCHEDULE = """
mutation StartSchedule($selector: ScheduleSelector!) {
  startSchedule(scheduleSelector: $selector) {
    __typename
    ... on ScheduleStateResult { scheduleState { id } }
    ... on PythonError { message }
  }
}
"""

STOP_SCHEDULE = """
mutation StopSchedule($id: String!) {
  stopRunningSchedule(id: $id) {
    __typename
    ... on ScheduleStateResult { scheduleState { status } }
    ... on PythonError { message }
  }
}
"""

START_SENSOR = """
mutation StartSensor($selector: SensorSelector!) {
  startSensor(sensorSelector: $selector) {
    __typename
    ... on PythonError { message }
  }
}
"""

TICKS = (
    """
query Ticks($selector: InstigationSelector!) {
  instigationStateOrError(instigationSelector: $selector) {
    __typename
    ... on PythonError { message }
    ... on InstigationState {
      ticks(limit: 20) { timestamp status runIds skipReason error { ...Whole } }
    }
  }
}
"""
    + ERROR
)

BACKFILL = """
mutation Backfill($parameters: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $parameters) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""

BACKFILL_STATE = """
query BackfillState($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status error { message } }
  }
}
"""
