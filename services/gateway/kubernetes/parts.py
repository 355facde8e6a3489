"""What every workload has in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.gateway.deployments import NAMESPACE

Manifest = dict[str, Any]

IMAGE = "pulsemesh-services:0.1.0"
"""Overlays of a cell name their own with kustomize's `images`."""
USER = 10_001
PART_OF = "pulsemesh"
LABEL = "app.kubernetes.io/name"
DATA_FOLDER = "/var/lib/pulsemesh"
TLS_FOLDER = "/etc/pulsemesh/tls"


def labels(name: str) -> dict[str, str]:
    """By which a workload's pods are found."""
    return {LABEL: name, "app.kubernetes.io/part-of": PART_OF}


def manifest(version: str, kind: str, name: str, **rest: Any) -> Manifest:
    """An object of the platform's namespace."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels(name)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def container(name: str, command: list[str], **rest: Any) -> Manifest:
    """A container that can change nothing but what is mounted for it."""
    return {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **rest,
    }


def pod(name: str, containers: list[Manifest], volumes: list[Manifest], **rest: Any) -> Manifest:
    """A pod of nobody in particular, who needs nothing of the cluster's API."""
    return {
        "metadata": {"labels": labels(name)},
        "spec": {
            "serviceAccountName": name,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": containers,
            "volumes": volumes,
            **rest,
        },
    }


def spread(name: str) -> list[Manifest]:
    """Over nodes as evenly as can be: one that dies takes few along."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {LABEL: name}},
        }
    ]


def resources(cpu: str, memory: str) -> Manifest:
    """Requested CPU and memory; memory is also the limit, CPU has none, so that nothing is throttled."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}


def secret_variable(name: str, secret: str, key: str, *, optional: bool = False) -> Manifest:
    """A setting whose value lies in a secret."""
    reference: Manifest = {"name": secret, "key": key}
    if optional:
        reference["optional"] = True
    return {"name": name, "valueFrom": {"secretKeyRef": reference}}


def variables(values: Mapping[str, str]) -> list[Manifest]:
    """Settings with their values."""
    return [{"name": name, "value": value} for name, value in values.items()]


def disruption_budget(name: str) -> Manifest:
    """At most one instance is taken away at a time."""
    return manifest(
        "policy/v1",
        "PodDisruptionBudget",
        name,
        spec={"maxUnavailable": 1, "selector": {"matchLabels": {LABEL: name}}},
    )


def autoscaler(name: str, *, least: int, most: int) -> Manifest:
    """More instances when the CPU is busy; fewer only after it has been idle for a while."""
    busy = {"type": "Utilization", "averageUtilization": 70}
    return manifest(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        name,
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": busy}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        },
    )


def service_account(name: str) -> Manifest:
    """An identity that may do nothing in the cluster."""
    return manifest("v1", "ServiceAccount", name, automountServiceAccountToken=False)
