"""Every way to install an agent, read as far as it is written: the rest is unknown, never wrong."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagstead.model.location import Kind
from dagstead.repository.agents.discovery import find_agents, find_slips
from dagstead.repository.agents.scan import AgentScan
from dagstead.routing.routes import Destination, RoutedLocation, State, route
from tests.unit.repository.agents.forms import (
    ADDED,
    ENCODED,
    FORMS,
    OFF,
    SCRIPT,
    URL,
    VALUES,
    argo,
    flux,
    helmfile,
    stack,
    terraform,
)
from tests.unit.repository.agents.repositories import repository

PROD = Destination(deployment="prod")
SERVED, UNSERVED, UNKNOWN = State.SERVED, State.UNSERVED, State.UNKNOWN


def answers(found: AgentScan, *queues: str | None) -> list[State]:
    """Whether anybody runs an image on each of these queues in prod."""
    return [
        route(RoutedLocation(name="x", queue=each, kind=Kind.HYBRID), PROD, found.agents).state
        for each in queues
    ]


#: Where the name of the release or the service is not what an agent can be called by.
UNNAMED = {"cloudformation heredoc", "cloudformation join", "config map"}


@pytest.mark.parametrize("form", FORMS)
def test_an_agent_is_what_is_written_in_whatever_form(form: str, tmp_path: Path) -> None:
    found = find_agents(repository(tmp_path, FORMS[form][0]))

    assert answers(found, "north", "south", None) == [SERVED, UNSERVED, UNSERVED]
    (agent,) = found.agents
    assert form in UNNAMED or agent.name == "north-agent"
    assert found.remarks == ()


@pytest.mark.parametrize("form", FORMS)
def test_a_variable_makes_unknown_what_it_stands_for(form: str, tmp_path: Path) -> None:
    found = find_agents(repository(tmp_path, FORMS[form][1]))

    assert answers(found, "north", None) == [UNKNOWN, UNSERVED]
    (agent,) = found.agents
    assert "queues" in agent.unknown_because.lower()
    assert ":" in agent.unknown_because.split()[0]
    assert found.remarks == ()


#: Ways that show that there is an agent, and no more.
UNREAD = {
    "values of a variable": terraform("values = [yamlencode(var.values)]"),
    "values of a local": terraform("values = local.values"),
    "a dynamic block": terraform('dynamic "set" {\n for_each = var.sets\n}'),
    "a module": {"main.tf": 'module "a" {\n  source = "git.example.com/dagster-cloud-agent"\n}\n'},
    "a file from elsewhere": helmfile("values: [secrets/north.yaml]"),
    "a template of values": helmfile("values: [north.yaml.gotmpl]"),
    "a secret": flux("", "valuesFrom: [{kind: Secret, name: s}]"),
    "an image alone": {
        "k8s/x.yaml": "kind: Deployment\nmetadata: {name: north-agent}\nspec:\n"
        "  containers: [{image: 'docker.io/dagster/dagster-cloud-agent:1.13'}]\n"
    },
    "a task definition": {
        "ecs/agent.json": '{\n\t"family": "a",\n\t"containerDefinitions":\n'
        '\t\t[{"image": "dagster/dagster-cloud-agent:1"}]\n}\n'
    },
    "a tool that nobody knows": {"deploy/x.yaml": "my: {chart: dagster-cloud-agent}\n"},
    "an action": {
        ".github/workflows/a.yml": "on: push\njobs: {a: {runs-on: x, steps: [{uses: a/helm@v1, "
        "with: {chart: dagster-plus-agent}}]}}\n"
    },
    "a chart that is no YAML": {
        "deploy/x.yaml": "{{- range .Values.x }}\n- chart: dagster-cloud-agent\n  y: }{\n"
    },
    "compose": {"compose.yaml": "services: {a: {image: dagster/dagster-cloud-agent}}\n"},
    "docker run": {"up.sh": "docker run dagster/dagster-cloud-agent:latest\n"},
    "a flag of a variable": {"up.sh": "helm install a x/dagster-cloud-agent $FLAGS\n"},
    "values that are kept": {"up.sh": "helm upgrade --reuse-values a x/dagster-cloud-agent\n"},
}


@pytest.mark.parametrize("form", UNREAD)
def test_of_what_is_not_read_nothing_is_said_but_where_it_is(form: str, tmp_path: Path) -> None:
    (path,) = UNREAD[form]

    found = find_agents(repository(tmp_path, UNREAD[form]))

    (agent,) = found.agents
    assert answers(found, "north")[0] is UNKNOWN
    assert answers(found, None)[0] is not SERVED
    assert path in agent.unknown_because
    assert found.remarks == ()


@pytest.mark.parametrize(
    "files",
    [
        {"renovate.json": '{"packageRules": [{"matchPackageNames": ["x/dagster-cloud-agent"]}]}\n'},
        {"k8s/rbac.yaml": "kind: ServiceAccount\nmetadata: {name: dagster-cloud-agent}\n"},
        {"k8s/s.yaml": "kind: Secret\nmetadata: {name: dagster-cloud-agent-token}\n"},
        {"k8s/n.yaml": "# dagster/dagster-cloud-agent runs elsewhere\nkind: Namespace\n"},
        {"main.tf": '# chart = "dagster-cloud-agent"\nresource "x" "y" {}\n'},
        {"flux.yaml": f"kind: HelmRepository\nspec: {{url: '{URL}'}}\n"},
        {"p.yaml": f"kind: AppProject\nspec: {{sourceRepos: ['{URL}']}}\n"},
        {".github/workflows/a.yml": f"j: {{a: {{steps: [{{run: 'helm repo add {URL}'}}]}}}}\n"},
    ],
)
def test_what_only_has_the_name_installs_nothing(files: Mapping[str, str], tmp_path: Path) -> None:
    assert find_agents(repository(tmp_path, files)).agents == ()


def test_argo_replaces_the_text_by_the_object_and_sets_parameters_over_it(tmp_path: Path) -> None:
    helm = """
          valuesObject: {dagsterCloud: {agentQueues: {additionalQueues: [object]}}}
          values: 'dagsterCloud: {agentQueues: {includeDefaultQueue: false}}'
          parameters: [{name: "dagsterCloud.agentQueues.additionalQueues[1]", value: one}]"""

    (agent,) = find_agents(repository(tmp_path, argo(helm))).agents

    assert agent.queues == {"object", "one", None}


def test_what_is_set_after_a_layer_that_is_not_known_is_known(tmp_path: Path) -> None:
    flags = f"--set {OFF}=false --set '{ADDED}={{north}}'"
    line = f"helm install a x/dagster-cloud-agent -f s3://values.yaml {flags}\n"

    found = find_agents(repository(tmp_path, {"up.sh": line}))

    assert answers(found, "north", "south", None) == [SERVED, UNSERVED, UNSERVED]


def test_what_is_set_before_such_a_layer_serves_and_rules_nothing_out(tmp_path: Path) -> None:
    files = {
        "up.sh": "helm install a x/dagster-cloud-agent -f v.yaml -f $SECRETS\n",
        "v.yaml": VALUES % "north",
    }

    found = find_agents(repository(tmp_path, files))

    assert answers(found, "north", "south", None) == [SERVED, UNKNOWN, UNKNOWN]


def test_values_side_by_side_rule_out_what_none_of_them_says(tmp_path: Path) -> None:
    files = {
        "v/values.yaml": "dagsterCloud: {deployment: prod}\n",
        "v/values-prod.yaml": VALUES % "north",
    }

    found = find_agents(repository(tmp_path, files))

    assert answers(found, "north", "south", None) == [SERVED, UNSERVED, UNKNOWN]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (terraform(ENCODED.replace("includeDefaultQueue = false", "queues = []") % ""), "DS402"),
        (terraform('set {\n name = "dagsterCloud.agentQueues[0]"\n value = "x"\n}'), "DS403"),
        (argo("parameters: [{name: 'dagsterCloud.agentQueues[0]', value: x}]"), "DS403"),
        (argo("valuesObject: {dagsterCloud: {includeDefaultQueue: false}}"), "DS401"),
        (stack(SCRIPT.replace("- %s", "%s") % "one"), "DS406"),
    ],
)
def test_a_mistake_in_any_form_is_found_once(
    files: Mapping[str, str], expected: str, tmp_path: Path
) -> None:
    (slip,) = find_slips(repository(tmp_path, files))

    assert str(slip.mistake) == expected
    assert slip.position.file == next(iter(files))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    form=st.sampled_from(sorted(FORMS)),
    at=st.integers(min_value=0, max_value=25),
    put=st.sampled_from(["", "  - x", "values: [", "spec: text", "\t", "}", "helm: []", "name: 7"]),
)
def test_a_file_that_is_cut_up_is_read_or_not_and_never_in_the_way(
    form: str, at: int, put: str, tmp_path: Path
) -> None:
    files = {
        path: "\n".join([*(lines := text.splitlines())[:at], put, *lines[at + 1 :]])
        for path, text in FORMS[form][0].items()
    }
    folder = tmp_path / str(uuid.uuid4())
    project = repository(folder, files)

    assert isinstance(find_slips(project), tuple)
    for agent in find_agents(project).agents:
        assert not agent.unknown or agent.unknown_because
