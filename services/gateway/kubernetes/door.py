"""The gateway as a workload: Envoy, and beside it the service that counts the shared limits."""

from __future__ import annotations

from collections.abc import Iterator

from services.gateway.deployments import (
    ADMIN_PORT,
    CONFIGURATION_FOLDER,
    DOOR_PORT,
    DOOR_TLS_FOLDER,
    LIMITS_PORT,
    OPERATIONS_PORT,
    SERVICE_TLS_FOLDER,
)
from services.gateway.kubernetes import parts
from services.gateway.kubernetes.calls import GATEWAY
from services.gateway.kubernetes.parts import LABEL, Manifest, manifest
from services.gateway.kubernetes.workloads import REDIS_SECRET, SETTINGS_MAP

COMMON_MAP = "gateway-envoy"
ROUTES_MAP = "gateway-routes"
"""A map of their own: a map holds a mebibyte at most, and routes are what grows."""
PLACES_MAP = "gateway-places"
DOOR_SECRET = "gateway-door-tls"
DRAIN_S = 25
KILL_MARGIN_S = 10


def gateway() -> Iterator[Manifest]:
    """Everything of the gateway."""
    yield parts.service_account(GATEWAY)
    yield manifest(
        "v1",
        "Service",
        GATEWAY,
        spec={
            "type": "LoadBalancer",
            # The client's own address: limits count by it.
            "externalTrafficPolicy": "Local",
            "selector": {LABEL: GATEWAY},
            "ports": [{"name": "https", "port": 443, "targetPort": "https"}],
        },
    )
    yield _deployment()
    yield parts.disruption_budget(GATEWAY)
    yield parts.autoscaler(GATEWAY, least=2, most=10)


def _deployment() -> Manifest:
    maps = [{"configMap": {"name": name}} for name in (COMMON_MAP, ROUTES_MAP, PLACES_MAP)]
    template = parts.pod(
        GATEWAY,
        [_envoy(), _limits()],
        [
            {"name": "configuration", "projected": {"sources": maps}},
            {"name": "door-tls", "secret": {"secretName": DOOR_SECRET, "defaultMode": 0o440}},
            {"name": "service-tls", "secret": {"secretName": f"{GATEWAY}-tls", "defaultMode": 0o440}},
            {"name": "data", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
        ],
        terminationGracePeriodSeconds=DRAIN_S + KILL_MARGIN_S,
        topologySpreadConstraints=parts.spread(GATEWAY),
    )
    return manifest(
        "apps/v1",
        "Deployment",
        GATEWAY,
        spec={
            "selector": {"matchLabels": {LABEL: GATEWAY}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": template,
        },
    )


def _envoy() -> Manifest:
    ready = {"httpGet": {"path": "/ready", "port": "operations"}, "timeoutSeconds": 2}
    return parts.container(
        "envoy",
        [
            *("envoy", "-c", f"{CONFIGURATION_FOLDER}/envoy.yaml"),
            *("--disable-hot-restart", "--reject-unknown-dynamic-fields", "--concurrency", "2"),
            *("--drain-time-s", "5", "--drain-strategy", "immediate", "--log-level", "warning"),
        ],
        ports=[
            {"name": "https", "containerPort": DOOR_PORT},
            {"name": "operations", "containerPort": OPERATIONS_PORT},
        ],
        resources=parts.resources("500m", "512Mi"),
        startupProbe={**ready, "periodSeconds": 1, "failureThreshold": 60},
        readinessProbe={**ready, "periodSeconds": 5, "failureThreshold": 1},
        livenessProbe={
            "tcpSocket": {"port": "operations"},
            "timeoutSeconds": 2,
            "periodSeconds": 20,
            "failureThreshold": 3,
        },
        lifecycle={"preStop": {"exec": {"command": _drain_command()}}},
        volumeMounts=[
            {"name": "configuration", "mountPath": CONFIGURATION_FOLDER, "readOnly": True},
            {"name": "door-tls", "mountPath": DOOR_TLS_FOLDER, "readOnly": True},
            {"name": "service-tls", "mountPath": SERVICE_TLS_FOLDER, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    )


def _drain_command() -> list[str]:
    """SIGTERM alone would cut calls off."""
    address = f"127.0.0.1:{ADMIN_PORT}"
    return ["pulsemesh-server", "gateway", "drain", "--admin", address, "--within", str(DRAIN_S)]


def _limits() -> Manifest:
    return parts.container(
        "limits",
        ["pulsemesh-server", "gateway", "limits", "--listen", f"127.0.0.1:{LIMITS_PORT}"],
        envFrom=[{"configMapRef": {"name": SETTINGS_MAP}}],
        env=[
            # The settings of a whole platform are checked; this process uses the limits' store alone.
            parts.secret_variable("PULSEMESH_STORE__LIMITS_URL", REDIS_SECRET, "limits-url"),
        ],
        resources=parts.resources("100m", "256Mi"),
        lifecycle={"preStop": {"sleep": {"seconds": DRAIN_S}}},
        volumeMounts=[{"name": "data", "mountPath": parts.DATA_FOLDER}, {"name": "tmp", "mountPath": "/tmp"}],
    )
