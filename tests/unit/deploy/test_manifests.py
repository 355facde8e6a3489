"""The manifests, held against the API's schemas, against each other, and against the settings."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from services.chassis.settings import load_settings, require_domain_settings, settings_table
from services.gateway.deployments import SHAPES
from services.gateway.kubernetes.calls import GATEWAY, allowed_calls
from services.host.gateway_rendering import write_all
from services.host.registry import domain_names, domain_settings
from tests.unit.deploy.kustomize import Manifest, build

KUBERNETES = "1.37"
FOREIGN = {("cert-manager.io/v1", "Certificate"), ("cert-manager.io/v1", "Issuer")}
"""Kinds whose schemas are not Kubernetes' own."""
OPERATORS_SECRETS = {
    "pulsemesh-database": {"url"},
    "pulsemesh-redis": {"bus-url", "limits-url", "cache-url", "live-url"},
    "pulsemesh-identity": {"key-encryption-key"},
    "pulsemesh-authority": set(),
    "gateway-door-tls": set(),
}
"""What operators bring; deploy/k8s/README.md says how."""
WORKLOADS = {"Deployment", "Job"}
MAP_BYTES = 1_048_576


@pytest.fixture(scope="module")
def deploy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository") / "deploy"
    write_all(folder, cell="eu")
    return folder


@pytest.fixture(scope="module", params=SHAPES)
def shape(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def manifests(deploy: Path, shape: str) -> list[Manifest]:
    return build(deploy / "k8s" / "overlays" / shape)


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for one in manifests:
        if one["kind"] in WORKLOADS:
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


def containers(manifests: list[Manifest]) -> Iterator[Manifest]:
    for _, pod in pods(manifests):
        yield from pod["containers"]


def test_every_object_fits_its_schema_strictly(manifests: list[Manifest]) -> None:
    for one in manifests:
        if (one["apiVersion"], one["kind"]) not in FOREIGN:
            kubernetes_validate.validate(one, KUBERNETES, strict=True)


def test_no_object_is_there_twice(manifests: list[Manifest]) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in manifests]
    assert len(names) == len(set(names))


def test_the_real_kustomize_renders_the_same(deploy: Path, shape: str, manifests: list[Manifest]) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    folder = deploy / "k8s" / "overlays" / shape
    rendered = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, check=True)
    theirs = [one for one in yaml.safe_load_all(rendered.stdout) if one]
    assert sorted(map(_comparable, theirs)) == sorted(map(_comparable, manifests))


def _comparable(one: Manifest) -> str:
    if "binaryData" in one:  # the real one breaks the lines of base64
        one = {**one, "binaryData": {name: "".join(text.split()) for name, text in one["binaryData"].items()}}
    return json.dumps(one, sort_keys=True)


def test_the_maps_are_not_larger_than_maps_may_be(manifests: list[Manifest]) -> None:
    for name, one in of_kind(manifests, "ConfigMap").items():
        size = sum(len(value) for kind in ("data", "binaryData") for value in one.get(kind, {}).values())
        assert size < 0.9 * MAP_BYTES, name


def test_every_container_is_locked_down(manifests: list[Manifest]) -> None:
    for _, pod in pods(manifests):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for one in containers(manifests):
        security = one["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(one["resources"]["requests"])


def test_every_deployment_is_probed_scaled_and_protected(manifests: list[Manifest]) -> None:
    deployments = of_kind(manifests, "Deployment")
    assert set(of_kind(manifests, "PodDisruptionBudget")) == set(deployments)
    assert set(of_kind(manifests, "HorizontalPodAutoscaler")) == set(deployments)
    assert set(deployments) <= set(of_kind(manifests, "ServiceAccount"))
    for name, one in deployments.items():
        main = one["spec"]["template"]["spec"]["containers"][0]
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(main), name
        if name != GATEWAY:
            assert main["readinessProbe"]["grpc"]["port"] in {port["containerPort"] for port in main["ports"]}


def test_a_pod_has_time_to_drain_before_it_is_killed(manifests: list[Manifest]) -> None:
    from services.chassis.settings import ServerSettings

    server = ServerSettings()
    for name, one in of_kind(manifests, "Deployment").items():
        spec = one["spec"]["template"]["spec"]
        stop = spec["containers"][0]["lifecycle"]["preStop"]
        if name == GATEWAY:
            needed = float(stop["exec"]["command"][-1])
        else:
            needed = stop["sleep"]["seconds"] + server.drain_delay_s + server.drain_grace_s
        assert spec["terminationGracePeriodSeconds"] > needed


def test_every_variable_is_a_setting(manifests: list[Manifest]) -> None:
    known = {row.variable for row in settings_table(domain_settings())}
    named = set(of_kind(manifests, "ConfigMap")["pulsemesh-settings"]["data"])
    for one in containers(manifests):
        named |= {variable["name"] for variable in one.get("env", ())}
    assert named <= known


def test_a_process_with_these_settings_would_start(
    manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {
        "PULSEMESH_DATABASE__URL": "postgresql://database/pulsemesh",
        "PULSEMESH_IDENTITY_KEY_ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(),
    }
    for name, value in of_kind(manifests, "ConfigMap")["pulsemesh-settings"]["data"].items():
        monkeypatch.setenv(name, value)
    for one in containers(manifests):
        for variable in one.get("env", ()):
            value = variable.get("value") or secrets.get(variable["name"], "redis://redis/0")
            monkeypatch.setenv(variable["name"], value)
    settings = load_settings()
    require_domain_settings(domain_settings())
    assert not settings.development
    assert settings.server.tls_client_ca is not None


def test_every_map_secret_and_account_that_is_referred_to_is_there(manifests: list[Manifest]) -> None:
    maps = set(of_kind(manifests, "ConfigMap"))
    issued = {one["spec"]["secretName"] for one in of_kind(manifests, "Certificate").values()}
    for name, pod in pods(manifests):
        assert pod["serviceAccountName"] in of_kind(manifests, "ServiceAccount")
        for kind, found in _references(pod):
            if kind == "map":
                assert found in maps, name
            else:
                assert found in issued | set(OPERATORS_SECRETS), name
    for one in containers(manifests):
        for variable in one.get("env", ()):
            if "value" in variable:
                continue
            reference = variable["valueFrom"]["secretKeyRef"]
            assert reference["key"] in OPERATORS_SECRETS[reference["name"]]


def _references(pod: Manifest) -> Iterator[tuple[str, str]]:
    for volume in pod["volumes"]:
        if "secret" in volume:
            yield "secret", volume["secret"]["secretName"]
        sources = volume.get("projected", {}).get("sources", [volume])
        for source in sources:
            if "configMap" in source:
                yield "map", source["configMap"]["name"]
    for one in pod["containers"]:
        for source in one.get("envFrom", ()):
            yield "map", source["configMapRef"]["name"]


def test_every_service_has_its_pods_and_ports(manifests: list[Manifest]) -> None:
    deployments = of_kind(manifests, "Deployment")
    for name, service in of_kind(manifests, "Service").items():
        template = deployments[name]["spec"]["template"]
        assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        ports = {port["name"] for one in template["spec"]["containers"] for port in one.get("ports", ())}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_every_address_that_settings_and_gateway_name_is_a_service_with_that_port(
    manifests: list[Manifest],
) -> None:
    maps = of_kind(manifests, "ConfigMap")
    text = maps["gateway-places"]["data"]["clusters.yaml"] + json.dumps(maps["pulsemesh-settings"]["data"])
    hosts = set(re.findall(r"([a-z-]+)\.pulsemesh\.svc\.cluster\.local", text))
    assert hosts <= set(of_kind(manifests, "Service"))
    clusters = yaml.safe_load(maps["gateway-places"]["data"]["clusters.yaml"])["resources"]
    for address in _addresses(clusters):
        host, _, rest = address["address"].partition(".")
        if rest:
            ports = of_kind(manifests, "Service")[host]["spec"]["ports"] if not host.isdecimal() else []
            assert host.isdecimal() or address["port_value"] in {port["port"] for port in ports}


def _addresses(clusters: list[Any]) -> Iterator[Manifest]:
    for cluster in clusters:
        for endpoints in cluster["load_assignment"]["endpoints"]:
            for endpoint in endpoints["lb_endpoints"]:
                yield endpoint["endpoint"]["address"]["socket_address"]


def test_every_cluster_that_a_route_names_is_there(manifests: list[Manifest]) -> None:
    maps = of_kind(manifests, "ConfigMap")
    routes = yaml.load(maps["gateway-routes"]["data"]["routes.yaml"], Loader=yaml.CSafeLoader)["resources"][0]
    named = {one["route"]["cluster"] for one in routes["virtual_hosts"][0]["routes"] if "route" in one}
    clusters = {
        one["name"] for one in yaml.safe_load(maps["gateway-places"]["data"]["clusters.yaml"])["resources"]
    }
    assert named - {"nobody"} <= clusters


def test_nobody_connects_to_anybody_unless_it_is_allowed(manifests: list[Manifest]) -> None:
    policies = of_kind(manifests, "NetworkPolicy")
    nobody = policies["nobody-by-default"]["spec"]
    assert nobody == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []}


def test_connections_are_allowed_at_both_ends(manifests: list[Manifest]) -> None:
    policies = of_kind(manifests, "NetworkPolicy")
    for name in of_kind(manifests, "Deployment"):
        for rule in policies[name]["spec"]["ingress"]:
            for peer in rule.get("from", ()):
                caller = peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/name")
                if caller is not None:
                    assert _may_leave(policies[caller], name, rule["ports"]), (caller, name)


def _may_leave(policy: Manifest, to: str, ports: list[Manifest]) -> bool:
    return any(
        peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/name") == to
        and all(port in rule["ports"] for port in ports)
        for rule in policy["spec"]["egress"]
        for peer in rule.get("to", ())
    )


def test_a_domain_without_a_method_for_services_is_closed_to_services() -> None:
    from services.chassis.policy import contract_services, default_registry

    only = ["workout"]
    calls = allowed_calls(default_registry().methods(contract_services()), [*only, "auth"], "split")
    assert GATEWAY in calls.of("workout")
    methods = [
        one
        for one in default_registry().methods(contract_services("workout"))
        if one.service == "pulsemesh.workout.v1.WorkoutService"
    ]
    assert allowed_calls(methods, ["auth", "workout"], "split").of("workout") == (GATEWAY,)


def test_every_domain_is_served_by_one_workload(manifests: list[Manifest], shape: str) -> None:
    served = [
        domain
        for one in of_kind(manifests, "Deployment").values()
        for container in one["spec"]["template"]["spec"]["containers"]
        if container["name"] == "serve"
        for domain in container["command"][2:]
    ]
    assert sorted(served) == sorted(domain_names())
