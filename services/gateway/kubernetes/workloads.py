"""The services: one workload for each domain, or one for all."""

from __future__ import annotations

import json
from collections.abc import Iterator

from services.chassis.settings import ServerSettings
from services.gateway.deployments import AUTH_HTTP_PORT, GRPC_PORT, SPLIT, host_of, service_of
from services.gateway.kubernetes import parts
from services.gateway.kubernetes.parts import LABEL, Manifest, manifest

HEALTH_PORT = 50052
PRE_STOP_S = 5
"""Seconds for which a leaving instance still takes calls, while everybody learns that it leaves."""
KILL_MARGIN_S = 10

POD_NETWORK = "10.0.0.0/8"
"""Where the gateway's pods are; beside it only services can connect, and they pass nothing of the kind on."""

SETTINGS_MAP = "pulsemesh-settings"
DATABASE_SECRET = "pulsemesh-database"
REDIS_SECRET = "pulsemesh-redis"
IDENTITY_SECRET = "pulsemesh-identity"


def termination_grace_s() -> int:
    """What an instance may take to leave: the settings' own times, and a margin before it is killed."""
    server = ServerSettings()
    return int(PRE_STOP_S + server.drain_delay_s + server.drain_grace_s + KILL_MARGIN_S)


def settings_map(shape: str, domains: list[str], *, cell: str) -> Manifest:
    """The settings that are no secrets, for every process."""
    channels = {name: f"{host_of(service_of(shape, name))}:{GRPC_PORT}" for name in domains}
    values = {
        "PULSEMESH_MODE": "production",
        "PULSEMESH_CELL": cell,
        "PULSEMESH_DATA_DIR": parts.DATA_FOLDER,
        "PULSEMESH_SERVER__LISTEN": f"0.0.0.0:{GRPC_PORT}",
        "PULSEMESH_SERVER__HEALTH_LISTEN": f"0.0.0.0:{HEALTH_PORT}",
        "PULSEMESH_SERVER__REFLECTION": "false",
        "PULSEMESH_SERVER__TRUSTED_PROXIES": POD_NETWORK,
        "PULSEMESH_OAUTH_TRUSTED_PROXIES": POD_NETWORK,
        "PULSEMESH_SERVER__TLS_CERTIFICATE": f"{parts.TLS_FOLDER}/tls.crt",
        "PULSEMESH_SERVER__TLS_KEY": f"{parts.TLS_FOLDER}/tls.key",
        "PULSEMESH_SERVER__TLS_CLIENT_CA": f"{parts.TLS_FOLDER}/ca.crt",
        "PULSEMESH_CHANNELS_CA": f"{parts.TLS_FOLDER}/ca.crt",
        "PULSEMESH_CHANNELS_CERTIFICATE": f"{parts.TLS_FOLDER}/tls.crt",
        "PULSEMESH_CHANNELS_KEY": f"{parts.TLS_FOLDER}/tls.key",
        "PULSEMESH_AUTH__PUBLIC_URL": f"https://{cell}.pulsemesh.example",
        "PULSEMESH_AUDIT__TO": "log",
        "PULSEMESH_TELEMETRY__LOG_STYLE": "json",
    }
    if shape == SPLIT:
        values["PULSEMESH_CHANNELS"] = json.dumps(channels)
    return manifest("v1", "ConfigMap", SETTINGS_MAP, data=values)


def workload(name: str, domains: list[str]) -> Iterator[Manifest]:
    """Everything of one service."""
    yield parts.service_account(name)
    yield _service(name, domains)
    yield _deployment(name, domains)
    yield parts.disruption_budget(name)
    yield parts.autoscaler(name, least=2, most=10)
    yield _migration(name, domains)


def _ports(domains: list[str]) -> dict[str, int]:
    return {"grpc": GRPC_PORT} | ({"http": AUTH_HTTP_PORT} if "auth" in domains else {})


def _service(name: str, domains: list[str]) -> Manifest:
    """Without an address of its own: its name stands for all instances, and callers spread their calls."""
    ports = [{"name": port, "port": number, "targetPort": port} for port, number in _ports(domains).items()]
    return manifest(
        "v1", "Service", name, spec={"clusterIP": "None", "selector": {LABEL: name}, "ports": ports}
    )


def _secrets(domains: list[str]) -> list[Manifest]:
    found = [
        parts.secret_variable("PULSEMESH_DATABASE__URL", DATABASE_SECRET, "url"),
        *(
            parts.secret_variable(variable, REDIS_SECRET, key)
            for variable, key in (
                ("PULSEMESH_BUS__URL", "bus-url"),
                ("PULSEMESH_STORE__LIMITS_URL", "limits-url"),
                ("PULSEMESH_STORE__CACHE_URL", "cache-url"),
                ("PULSEMESH_STORE__LIVE_URL", "live-url"),
            )
        ),
    ]
    if "auth" in domains:
        variable = "PULSEMESH_IDENTITY_KEY_ENCRYPTION_KEY"
        found.append(parts.secret_variable(variable, IDENTITY_SECRET, "key-encryption-key"))
    return found


def _pages(domains: list[str]) -> list[Manifest]:
    """The pages of sign-in are served where the auth domain is."""
    listen = {"PULSEMESH_AUTH__HTTP_LISTEN": f"0.0.0.0:{AUTH_HTTP_PORT}"} if "auth" in domains else {}
    listen = {"PULSEMESH_AUTH__HTTP_LISTEN": f"0.0.0.0:{AUTH_HTTP_PORT}"} if "auth" in domains else {}
    return parts.variables(listen)


def _volumes(name: str) -> list[Manifest]:
    return [
        {"name": "tls", "secret": {"secretName": f"{name}-tls", "defaultMode": 0o440}},
        {"name": "data", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]


_MOUNTS = [
    {"name": "tls", "mountPath": parts.TLS_FOLDER, "readOnly": True},
    {"name": "data", "mountPath": parts.DATA_FOLDER},
    {"name": "tmp", "mountPath": "/tmp"},
]


def _probe(**rest: int) -> Manifest:
    return {"grpc": {"port": HEALTH_PORT}, "timeoutSeconds": 2, **rest}


def _deployment(name: str, domains: list[str]) -> Manifest:
    ports = [{"name": port, "containerPort": number} for port, number in _ports(domains).items()]
    serving = parts.container(
        "serve",
        ["pulsemesh-server", "serve", *domains],
        ports=[*ports, {"name": "health", "containerPort": HEALTH_PORT}],
        envFrom=[{"configMapRef": {"name": SETTINGS_MAP}}],
        env=[*_pages(domains), *_secrets(domains)],
        resources=parts.resources("500m", "1Gi"),
        startupProbe=_probe(periodSeconds=2, failureThreshold=60),
        readinessProbe=_probe(periodSeconds=5, failureThreshold=1),
        livenessProbe=_probe(periodSeconds=20, failureThreshold=3),
        lifecycle={"preStop": {"sleep": {"seconds": PRE_STOP_S}}},
        volumeMounts=_MOUNTS,
    )
    template = parts.pod(
        name,
        [serving],
        _volumes(name),
        terminationGracePeriodSeconds=termination_grace_s(),
        topologySpreadConstraints=parts.spread(name),
    )
    return manifest(
        "apps/v1",
        "Deployment",
        name,
        spec={
            "selector": {"matchLabels": {LABEL: name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": template,
        },
    )


def _migration(name: str, domains: list[str]) -> Manifest:
    """Runs before the new instances start: they refuse a schema that lacks a migration."""
    migrating = parts.container(
        "migrate",
        ["pulsemesh-server", "migrate", *domains],
        envFrom=[{"configMapRef": {"name": SETTINGS_MAP}}],
        env=_secrets(domains),
        resources=parts.resources("100m", "512Mi"),
        volumeMounts=_MOUNTS,
    )
    template = parts.pod(name, [migrating], _volumes(name), restartPolicy="Never")
    template["metadata"]["labels"] = parts.labels(f"migrate-{name}")
    return manifest(
        "batch/v1",
        "Job",
        f"migrate-{name}",
        spec={"backoffLimit": 3, "ttlSecondsAfterFinished": 3_600, "template": template},
    )
