"""Deploy policies: what opens the machine is found in every spelling, and what does not is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagstead.errors import InvalidInputError
from dagstead.plane.deploy_policy import DeployPolicy, Precedent, Wish
from dagstead.plane.image_names import check_registry, is_below


def refusals(
    policy: dict[str, Any] | None,
    context: dict[str, Any] | None = None,
    *,
    image: str | None = None,
    queue: str | None = None,
    is_branch: bool = False,
    is_of_locations: bool = False,
    settings: dict[str, Any] | None = None,
    live: dict[str, Any] | None = None,
    live_queue: str | None = None,
) -> list[str]:
    found = DeployPolicy.of(
        {} if policy is None else {"deploy_policy": policy},
        deployment="prod",
        settings=settings or {},
        is_branch=is_branch,
        is_of_locations=is_of_locations,
    )
    precedent = (
        None
        if live is None
        else Precedent.of(frozenset({live_queue}), [{"container_context": live}])
    )
    wish = Wish(location="etl", queue=queue, image=image, container_context=context)
    return found.refusals(wish, precedent, keeps_queue=is_of_locations)


def docker(**kwargs: Any) -> dict[str, Any]:
    return {"docker": {"container_kwargs": kwargs}}


def pod(**spec: Any) -> dict[str, Any]:
    return {"k8s": {"run_k8s_config": {"pod_spec_config": spec}}}


def container(**config: Any) -> dict[str, Any]:
    return {"k8s": {"server_k8s_config": {"container_config": config}}}


OPENS_THE_HOST: dict[str, dict[str, Any]] = {
    "privileged": docker(privileged=True),
    "privileged as text": docker(privileged="true"),
    "the whole disk": docker(volumes=["/:/host"]),
    "the whole disk as a mapping": docker(volumes={"/": {"bind": "/host", "mode": "rw"}}),
    "a mapping without values": docker(volumes={"/:/host": None}),
    "the socket": docker(volumes=["/var/run/docker.sock:/var/run/docker.sock"]),
    "a folder beside the agent": docker(volumes=["../..:/host"]),
    "a home": docker(volumes=["~/.aws:/opt/.aws"]),
    "Windows": docker(volumes=["C:\\:/host"]),
    "a mount": docker(mounts=[{"Type": "bind", "Source": "/", "Target": "/host"}]),
    "a mount in lower case": docker(mounts=[{"type": "bind", "source": "/etc", "target": "/e"}]),
    "a mount in upper case": docker(mounts=[{"TYPE": "x", "SOURCE": "/etc", "TARGET": "/e"}]),
    "a driver's options": docker(
        mounts=[
            {
                "Type": "volume",
                "Source": "v",
                "VolumeOptions": {"DriverConfig": {"Options": {"device": "/", "o": "bind"}}},
            }
        ]
    ),
    "processes": docker(pid_mode="host"),
    "processes of another": docker(pid_mode="container:dagster-agent"),
    "the network": docker(network_mode="host"),
    "the network by its name": docker(network="host"),
    "the networks": {"docker": {"networks": ["host"]}},
    "the network of others": {"docker": {"networks": ["dagstead_database"]}},
    "the network of others, as an argument": docker(network="dagstead_database"),
    "the network of others, as a mode": docker(network_mode="dagstead_database"),
    "the volume of others": docker(volumes=["dagstead_data:/data"]),
    "the volume of others as a mapping": docker(
        volumes={"dagstead_data": {"bind": "/data", "mode": "ro"}}
    ),
    "the volume of others, mounted": docker(
        mounts=[{"Type": "volume", "Source": "dagstead_data", "Target": "/data"}]
    ),
    "ports": docker(ports={"80/tcp": 80}),
    "all ports": docker(publish_all_ports=True),
    "memory": docker(ipc_mode="HOST"),
    "users": docker(userns_mode="host"),
    "capabilities": docker(cap_add=["SYS_ADMIN"]),
    "devices": docker(devices=["/dev/sda:/dev/sda"]),
    "no seccomp": docker(security_opt=["seccomp=unconfined"]),
    "another's volumes": docker(volumes_from=["dagster-agent"]),
    "a cgroup": docker(cgroup_parent="/"),
    "pod: network": pod(host_network=True),
    "pod: network, the other way": pod(hostNetwork=True),
    "pod: processes": pod(hostPID=True),
    "pod: memory": pod(hostIPC=True),
    "pod: disk": pod(volumes=[{"name": "h", "hostPath": {"path": "/"}}]),
    "pod: disk, the other way": pod(volumes=[{"name": "h", "host_path": {"path": "/"}}]),
    "volumes of the location": {"k8s": {"volumes": [{"name": "h", "hostPath": {"path": "/"}}]}},
    "pod: a port": pod(containers=[{"name": "s", "ports": [{"containerPort": 1, "hostPort": 22}]}]),
    "pod: no AppArmor": {
        "k8s": {
            "run_k8s_config": {
                "pod_template_spec_metadata": {
                    "annotations": {
                        "container.apparmor.security.beta.kubernetes.io/c": "unconfined"
                    }
                }
            }
        }
    },
    "pod: a sidecar": pod(containers=[{"name": "s", "securityContext": {"privileged": True}}]),
    "pod: the first container": pod(
        initContainers=[{"name": "s", "security_context": {"capabilities": {"add": ["ALL"]}}}]
    ),
    "container: privileged": container(securityContext={"privileged": True}),
    "container: more rights": container(security_context={"allowPrivilegeEscalation": True}),
    "container: no seccomp": container(securityContext={"seccompProfile": {"type": "Unconfined"}}),
    "container: /proc": container(securityContext={"procMount": "Unmasked"}),
    "pod: Windows": pod(securityContext={"windowsOptions": {"hostProcess": True}}),
    "security context": {"k8s": {"security_context": {"privileged": True}}},
    "ecs: a folder": {"ecs": {"volumes": [{"name": "h", "host": {"sourcePath": "/"}}]}},
    "ecs: a sidecar": {"ecs": {"run_sidecar_containers": [{"name": "s", "privileged": True}]}},
    "ecs: a driver": {
        "ecs": {
            "volumes": [{"name": "h", "dockerVolumeConfiguration": {"driverOpts": {"device": "/"}}}]
        }
    },
    "ecs: no AppArmor": {
        "ecs": {"run_sidecar_containers": [{"dockerSecurityOptions": ["apparmor:unconfined"]}]}
    },
    "ecs: a volume of the instance": {
        "ecs": {"volumes": [{"name": "v", "dockerVolumeConfiguration": {"scope": "shared"}}]}
    },
    "ecs: devices": {
        "ecs": {
            "server_sidecar_containers": [{"linuxParameters": {"devices": [{"hostPath": "/d"}]}}]
        }
    },
}

HARMLESS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "not privileged": docker(privileged=False, cap_add=[], devices=None),
    "a volume of its own": docker(mounts=[{"Type": "volume", "Target": "/v"}]),
    "memory as a folder": docker(mounts=[{"Type": "tmpfs", "Target": "/v"}], tmpfs={"/t": ""}),
    "no network": docker(network_mode="none", network="bridge"),
    "variables": {"docker": {"env_vars": ["A=1"]}},
    "a port of the task": {
        "ecs": {"run_sidecar_containers": [{"portMappings": [{"hostPort": 80}]}]}
    },
    "fewer rights": docker(cap_drop=["ALL"], security_opt=["no-new-privileges:true"], mem_limit=1),
    "a GPU": docker(device_requests=[{"Count": 1, "Capabilities": [["gpu"]]}]),
    "resources": {"k8s": {"resources": {"limits": {"cpu": "1"}}, "labels": {"a": "b"}}},
    "a claim": pod(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "v"}}]),
    "a mount of it": container(volume_mounts=[{"name": "v", "mount_path": "/v"}]),
    "a careful container": container(
        securityContext={
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
    ),
    "ecs": {"ecs": {"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "f"}}]}},
    "a type": {"ecs": {"volumes": [{"name": "bind", "type": "bind"}]}},
}

IDENTITIES: dict[str, dict[str, Any]] = {
    "a service account": {"k8s": {"service_account_name": "admin"}},
    "of the pod": pod(serviceAccountName="admin"),
    "of the pod, by its old name": pod(service_account="admin"),
    "a namespace": {"k8s": {"namespace": "kube-system"}},
    "a projected token": pod(
        volumes=[{"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]
    ),
    "a role": {"ecs": {"task_role_arn": "arn:aws:iam::1:role/admin"}},
    "the role that starts it": {"ecs": {"execution_role_arn": "arn:aws:iam::1:role/admin"}},
    "of Azure": {"aca": {"identity_id": "admin"}},
}


@pytest.mark.parametrize("what", OPENS_THE_HOST)
def test_a_branch_does_not_get_the_machine(what: str) -> None:
    context = OPENS_THE_HOST[what]
    found = refusals(None, context, is_branch=True)
    assert len(found) == 1, found
    assert "deploy_policy.branch_deployments.container_context denies 'host'" in found[0]
    assert "It is the default. Whoever has a token for all deployments can change" in found[0]
    assert refusals(None, context, is_of_locations=True)
    # Whoever may do everything in a full deployment goes on as before.
    assert refusals(None, context) == []
    # It can be lifted, and can be set for everybody.
    assert (
        refusals({"branch_deployments": {"container_context": {}}}, context, is_branch=True) == []
    )
    assert refusals({"container_context": {"denied": ["host"]}}, context)


@pytest.mark.parametrize("what", HARMLESS)
def test_what_is_harmless_is_not_refused(what: str) -> None:
    for policy in (None, {"container_context": {"denied": ["host", "identity", "secrets"]}}):
        for is_branch in (True, False):
            found = refusals(policy, HARMLESS[what], is_branch=is_branch, is_of_locations=True)
            assert found == []


@pytest.mark.parametrize("what", IDENTITIES)
def test_a_token_of_some_locations_takes_no_other_identity(what: str) -> None:
    context = IDENTITIES[what]
    (found,) = refusals(None, context, is_of_locations=True)
    assert "deploy_policy.location_tokens.container_context denies 'identity'" in found
    # Branches go on with the identities that their file has always had.
    assert refusals(None, context, is_branch=True) == []
    assert refusals(
        {"branch_deployments": {"container_context": {"denied": ["identity"]}}},
        context,
        is_branch=True,
    )
    # What somebody was allowed to deploy there goes on, and nothing else.
    assert refusals(None, context, is_of_locations=True, live=context) == []
    other = {"k8s": {"service_account_name": "other"}}
    assert refusals(None, context, is_of_locations=True, live=other)
    # But not against what somebody has set.
    policy = {"location_tokens": {"container_context": {"denied": ["identity"]}}}
    assert refusals(policy, context, is_of_locations=True, live=context)


def test_a_location_stays_on_its_queue_unless_a_policy_names_queues() -> None:
    for queue, live_queue, is_refused in (
        (None, None, False),
        ("gpu", "gpu", False),
        ("gpu", None, True),
        (None, "gpu", True),
    ):
        found = refusals(None, queue=queue, is_of_locations=True, live={}, live_queue=live_queue)
        assert bool(found) is is_refused, (queue, live_queue)
        assert refusals(None, queue=queue, live={}, live_queue=live_queue) == []
    policy = {"queues": ["gpu", None]}
    assert refusals(policy, queue="gpu", is_of_locations=True, live={}) == []
    (found_other,) = refusals(policy, queue="cpu")
    assert "agent_queue is queue 'cpu'" in found_other or "cpu" in found_other
    assert "deploy_policy.queues has:" in found_other
    assert refusals({"queues": ["gpu"]}, queue=None)
    assert refusals({"queues": []}, queue="gpu")


def test_all_policies_must_be_met() -> None:
    organization = {"registries": ["ghcr.io/acme"]}
    settings = {"deploy_policy": {"registries": ["ghcr.io/acme/etl"], "queues": ["gpu"]}}
    assert refusals(organization, image="ghcr.io/acme/etl:1", queue="gpu", settings=settings) == []
    (found,) = refusals(organization, image="ghcr.io/acme/web:1", queue="gpu", settings=settings)
    assert "dagstead deployment settings prod --set-from" in found
    assert len(refusals(organization, image="evil.io/x", queue="gpu", settings=settings)) == 2
    assert len(refusals(organization, image="ghcr.io/acme/etl", settings=settings)) == 1


@pytest.mark.parametrize(
    "place",
    [
        {"k8s": {"server_k8s_config": {"container_config": {"image": "evil.io/x"}}}},
        {
            "k8s": {
                "run_k8s_config": {"pod_spec_config": {"initContainers": [{"image": "evil.io/x"}]}}
            }
        },
        {"ecs": {"run_sidecar_containers": [{"name": "s", "image": "evil.io/x"}]}},
        {"docker": {"container_kwargs": {"image": "evil.io/x"}}},
    ],
)
def test_images_are_found_wherever_they_are_named(place: dict[str, Any]) -> None:
    policy = {"registries": ["ghcr.io"]}
    (found,) = refusals(policy, place, image="ghcr.io/acme/etl")
    assert "image is 'evil.io/x', and deploy_policy.registries has: ghcr.io" in found


def test_keys_are_allowed_and_denied_by_their_names_in_any_spelling() -> None:
    context = {"k8s": {"resources": {"limits": {"cpu": 1}}, "serviceAccountName": "a"}}
    keys = {"allowed": ["k8s.resources", "service_account_name"]}
    assert refusals({"container_context": keys}, context) == []
    for allowed in (["k8s.resources"], ["resources"], ["k8s.res*"]):
        (found,) = refusals({"container_context": {"allowed": allowed}}, context)
        assert "container_context.k8s.serviceAccountName is 'a'" in found
        assert f"allows only: {allowed[0]}" in found
    for denied in ("cpu", "limits.cpu", "k8s.resources", "RESOURCES", "k8s.*.limits", "k8s"):
        (found,) = refusals({"container_context": {"denied": [denied]}}, context)
        assert f"denies '{denied}'" in found
    for denied in ("k8s.cpu", "docker.resources", "imits"):
        assert refusals({"container_context": {"denied": [denied]}}, context) == []
    assert len(refusals({"container_context": {"allowed": []}}, context)) == 2
    both = {"allowed": ["k8s"], "denied": ["cpu"]}
    assert len(refusals({"container_context": both}, context)) == 1


@pytest.mark.parametrize(
    ("image", "folder", "is_in"),
    [
        ("ghcr.io/acme/etl:1", "ghcr.io/acme", True),
        ("ghcr.io/acme/etl:1", "ghcr.io/acme/", True),
        ("ghcr.io/acme/etl", "ghcr.io", True),
        ("GHCR.io/acme/etl", "ghcr.io/acme", True),
        ("ghcr.io/acme/etl@sha256:abc", "ghcr.io/acme/etl", True),
        ("ghcr.io/acme-evil/etl", "ghcr.io/acme", False),
        ("ghcr.io.evil.com/acme/etl", "ghcr.io/acme", False),
        ("evil.com/ghcr.io/acme/etl", "ghcr.io/acme", False),
        ("ghcr.io:8443/acme/etl", "ghcr.io/acme", False),
        ("ghcr.io/acme/../evil/etl", "ghcr.io/acme", False),
        ("ghcr.io/acme//evil", "ghcr.io/acme", False),
        ("ghcr.io/acme", "ghcr.io/acme/etl", False),
        ("ghcr.io@evil.com/acme/etl", "ghcr.io", False),
        ("ghcr.io/acme/etl\n", "ghcr.io/acme", False),
        ("https://ghcr.io/acme/etl", "ghcr.io", False),
        ("", "*", False),
        ("etl", "docker.io", True),
        ("etl:3", "docker.io/library", True),
        ("docker.io/etl", "docker.io/library/etl", True),
        ("acme/etl", "docker.io/acme", True),
        ("acme/etl", "ghcr.io/acme", False),
        ("index.docker.io/acme/etl", "docker.io/acme", True),
        ("ghcr/acme/etl", "docker.io/ghcr", True),
        ("localhost:5000/etl", "localhost:5000", True),
        ("1.dkr.ecr.eu-west-1.amazonaws.com/etl", "*.dkr.ecr.*.amazonaws.com", True),
        ("1.dkr.ecr.eu.amazonaws.com.evil.com/etl", "*.dkr.ecr.*.amazonaws.com", False),
        ("ghcr.io/acme/team-a/etl", "ghcr.io/acme/team-*", True),
        ("ghcr.io/acme/other/etl", "ghcr.io/acme/team-*", False),
        ("anything.io/x", "*", True),
    ],
)
def test_an_image_is_where_docker_would_fetch_it(image: str, folder: str, is_in: bool) -> None:  # noqa: FBT001 - of a table
    assert is_below(image, folder) is is_in


@pytest.mark.parametrize("folder", ["acme", "acme/etl", "", "/", "ghcr.io//x", "ghcr.io/**"])
def test_a_registry_begins_with_its_address(folder: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a registry"):
        check_registry(folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "image", "volumes", "type", "privileged"]), inner)
    ),
    max_leaves=12,
)


@given(context=st.dictionaries(st.sampled_from(["k8s", "docker", "x"]), JSON))
def test_any_document_is_judged(context: dict[str, Any]) -> None:
    policy = {"registries": [], "container_context": {"allowed": [], "denied": ["host"]}}
    refusals(policy, context, is_branch=True, is_of_locations=True)
    assert refusals(None, context) == []
