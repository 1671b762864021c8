"""The charts, and values that people install them with."""

from __future__ import annotations

from typing import Any

from tests.support.environments import REPOSITORY
from tests.support.helm import from_set

PLANE = REPOSITORY / "charts" / "dagstead"
AGENT = REPOSITORY / "charts" / "dagstead-agent"

#: Whose schemas the manifests must pass: the oldest Kubernetes that the charts allow, and newer.
KUBERNETES = ("1.29", "1.32", "1.34")

PLANE_LEAST = from_set(
    "image.repository=registry.example.com/dagstead",
    "publicUrl=https://dagstead.example.com",
    "database.existingSecret=dagstead-database",
)
AGENT_LEAST = from_set(
    "dagsterCloud.url=https://dagstead.example.com", "dagsterCloud.deployment=prod"
)

_POD: dict[str, Any] = {
    "env": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
    "envFrom": [{"configMapRef": {"name": "proxies"}}],
    "volumes": [{"name": "certificates", "configMap": {"name": "certificates"}}],
    "volumeMounts": [{"name": "certificates", "mountPath": "/certificates", "readOnly": True}],
    "labels": {"team": "data"},
    "annotations": {"example.com/owner": "data"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "data", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "arm", "operator": "DoesNotExist"}]}
                ]
            }
        }
    },
    "priorityClassName": "high",
}

PLANE_SETS: dict[str, dict[str, Any]] = {
    "least": PLANE_LEAST,
    "url": {
        **from_set("image.repository=registry.example.com/dagstead", "publicUrl=http://d:3000"),
        "database": {"url": "postgresql://dagstead:secret@db/dagstead?sslmode=require"},
        "image": {"repository": "registry.example.com/dagstead", "digest": "sha256:" + "0" * 64},
    },
    "small": {
        **PLANE_LEAST,
        "web": {"replicas": 1, "disruptionBudget": False, "topologySpread": False},
        "daemon": {"replicas": 1, "disruptionBudget": False, "topologySpread": False},
        "pool": {"enabled": False},
        "storage": {"accessMode": "ReadWriteOnce", "keep": False},
    },
    "large": {
        **PLANE_LEAST,
        "web": {**_POD, "autoscaling": {"enabled": True}, "service": {"type": "LoadBalancer"}},
        "daemon": _POD,
        "pool": {
            **_POD,
            "replicas": 2,
            "disruptionBudget": True,
            "existingTokenSecret": "pool",
            "storage": {"storageClassName": "fast"},
        },
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "tlsSecret": "dagstead-tls",
            "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "2g"},
        },
        "networkPolicy": {
            "enabled": True,
            "from": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}],
        },
        "settings": {"max_file_mb": 1048576, "log_level": "debug", "stop_seconds": 60},
        "userCodeSecrets": "user-code",
        "labels": {"example.com/cost": "data"},
    },
    "two pools": {
        **PLANE_LEAST,
        "pool": {"existingTokenSecret": "pool", "resources": {"limits": {"memory": "4Gi"}}},
        "branchPool": {"enabled": True, "existingTokenSecret": "branches"},
        "settings": {"pool_memory_mb": 2048, "pool_cpus": 1.5, "pool_sandbox": "kernel"},
    },
    "given": {
        **PLANE_LEAST,
        "storage": {"existingClaim": "shared"},
        "serviceAccount": {"create": False, "name": "mine"},
        "image": {
            "repository": "registry.example.com/dagstead",
            "tag": "edge",
            "pullSecrets": [{"name": "registry"}],
        },
    },
}

AGENT_SETS: dict[str, dict[str, Any]] = {
    "least": AGENT_LEAST,
    "queues": {
        **from_set("dagsterCloud.agentQueues[0]=hybrid", "dagsterCloud.agentQueues[1]=gpu"),
        "dagsterCloud": {
            "url": "https://dagstead.example.com/",
            "deployments": ["prod", "staging"],
            "branchDeployments": True,
            "agentLabel": "eu: west",
            "agentToken": "agent:dagstead:secret",
            "agentQueues": ["hybrid", "gpu"],
            "includeDefaultQueue": False,
            "verifyCertificate": False,
        },
    },
    "elsewhere": {
        **AGENT_LEAST,
        "workspace": {"namespace": "user-code"},
        "userCodeServiceAccount": {"mayStartJobs": True, "annotations": {"example.com/role": "r"}},
    },
    "large": {
        **AGENT_LEAST,
        "dagsterCloudAgent": {**_POD, "replicas": 2},
        "workspace": {
            "pullPolicy": "Always",
            "envVars": ["A=1", "HTTPS_PROXY"],
            "envSecrets": ["user-code"],
            "envConfigMaps": ["settings"],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
            "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            "labels": {"team": "data"},
            "resources": {"limits": {"memory": "2Gi"}, "requests": {"cpu": "500m"}},
            "schedulerName": "binpack",
            "securityContext": {"runAsUser": 1000},
            "serverK8sConfig": {"pod_spec_config": {"node_selector": {"pool": "code"}}},
            "runK8sConfig": {"job_spec_config": {"ttl_seconds_after_finished": 600}},
            "serverTTL": {"full_deployments": {"enabled": True, "ttl_seconds": 3600}},
            "failPodOnRunFailure": True,
        },
        "imagePullSecrets": [{"name": "registry"}],
    },
    "given": {
        **AGENT_LEAST,
        "serviceAccount": {"create": False, "name": "mine"},
        "userCodeServiceAccount": {"create": False, "name": "theirs"},
        "rbac": {"create": False},
        "dagsterCloudAgent": {"image": {"tag": "1.12.22"}, "readinessProbe": False},
    },
}
