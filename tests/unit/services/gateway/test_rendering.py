"""What is made of the contracts: who is let in, the same bytes each time, nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from google.protobuf import descriptor_pb2
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis.policy import contract_services, default_registry
from services.gateway.deployments import SHAPES, kubernetes_gateway
from services.gateway.exposure import PROVED_BY_CERTIFICATE, exposed_methods
from services.gateway.rendering import contract_methods, render
from services.gateway.shape import Address

DOMAINS = ["auth", "workout"]
OUTSIDE = set(Access.values()) - {Access.ACCESS_UNSPECIFIED, Access.ACCESS_SERVICE}


def routes(files: dict[str, bytes]) -> list[dict[str, Any]]:
    document = yaml.load(files["routes.yaml"], Loader=yaml.CSafeLoader)
    found: list[dict[str, Any]] = document["resources"][0]["virtual_hosts"][0]["routes"]
    return found


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return render(kubernetes_gateway("split", DOMAINS, cell="eu"))


def test_the_same_contracts_make_the_same_bytes(files: dict[str, bytes]) -> None:
    assert render(kubernetes_gateway("split", DOMAINS, cell="eu")) == files


def test_shapes_differ_in_the_places_of_services_alone(files: dict[str, bytes]) -> None:
    other = render(kubernetes_gateway(SHAPES[0], DOMAINS, cell="eu"))
    assert [name for name in files if files[name] != other[name]] == ["clusters.yaml"]


def test_a_method_has_a_route_exactly_if_callers_from_outside_may_call_it(
    files: dict[str, bytes],
) -> None:
    paths = {one["match"].get("path") for one in routes(files)} - {None}
    expected = {
        method.path
        for method in default_registry().methods(contract_services())
        if method.domain in DOMAINS
        and method.policy is not None
        and method.policy.access & OUTSIDE
        and "Development" not in method.service
        and method.path not in PROVED_BY_CERTIFICATE
    }
    assert paths == expected


def test_nobody_gets_a_services_token_by_the_gateways_certificate(files: dict[str, bytes]) -> None:
    creating = "/pulsemesh.auth.v1.DelegationService/CreateServiceToken"
    assert default_registry().method(creating).policy is not None
    assert creating not in {one["match"].get("path") for one in routes(files)}


def test_people_whose_tokens_are_void_since_the_same_second_share_a_route() -> None:
    shape = kubernetes_gateway("split", DOMAINS, cell="eu")
    denied = replace(shape, denied_people={"eu_a.b": 7, "eu_c": 7, "eu_d": 9})
    first, second, third = (one["match"] for one in routes(render(denied))[:3])
    too_old, people = first["headers"]
    assert too_old["range_match"] == {"start": 0, "end": 7}
    assert people["string_match"] == {"safe_regex": {"regex": r"eu_a\.b|eu_c"}}
    assert second["headers"][0]["range_match"]["end"] == 9
    assert [header["name"] for header in third.get("headers", ())].count("x-pulsemesh-issued-at") == 0


def test_the_development_issuer_is_there_in_development_only() -> None:
    def has_issuer(*, development: bool) -> bool:
        return any(
            "DevelopmentIssuer" in one.method.path for one in contract_methods(development=development)
        )

    assert has_issuer(development=True)
    assert not has_issuer(development=False)


def test_every_route_says_what_it_wants_of_a_token(files: dict[str, bytes]) -> None:
    for one in routes(files):
        assert "envoy.filters.http.jwt_authn" in one["typed_per_filter_config"], one["match"]


def test_a_route_without_a_proved_token_leads_to_public_methods_alone(files: dict[str, bytes]) -> None:
    public = {one.method.path for one in contract_methods(development=False) if one.public}
    for one in routes(files):
        wanted = one["typed_per_filter_config"]["envoy.filters.http.jwt_authn"]
        path = one["match"].get("path")
        if path is not None and wanted.get("requirement_name") != "token":
            assert path in public


def test_nothing_is_sent_twice_that_is_not_safe(files: dict[str, bytes]) -> None:
    from pulsemesh.policy.v1.policy_pb2 import Retry

    registry = default_registry()
    for one in routes(files):
        path = one["match"].get("path")
        conditions = one.get("route", {}).get("retry_policy", {}).get("retry_on", "")
        if path is not None and ("reset" in conditions or "unavailable" in conditions):
            policy = registry.method(path).policy
            assert policy is not None
            assert policy.retry == Retry.RETRY_SAFE


def test_streams_without_a_deadline_may_stay_open(files: dict[str, bytes]) -> None:
    found = {one["match"].get("path"): one for one in routes(files)}
    ingest = found["/pulsemesh.workout.v1.IngestService/StreamSamples"]["route"]
    assert (ingest["timeout"], ingest["idle_timeout"]) == ("0s", "0s")
    assert "retry_policy" not in ingest


def test_the_gateways_descriptors_hold_no_policies_and_no_rules(files: dict[str, bytes]) -> None:
    found = descriptor_pb2.FileDescriptorSet.FromString(files["contracts.binpb"])
    names = [file.name for file in found.file]
    assert not [name for name in names if name.startswith(("buf/", "pulsemesh/policy/"))]
    for place, file in enumerate(found.file):
        assert set(file.dependency) <= set(names[:place])


@given(
    st.sets(st.sampled_from([value for value in Access.values() if value]), min_size=1),
    st.booleans(),
)
def test_whoever_is_let_in_is_of_a_kind_that_the_policy_names(access: set[int], development: bool) -> None:
    method = default_registry().method("/pulsemesh.workout.v1.WorkoutService/GetWorkout")
    assert method.policy is not None
    changed = replace(method, policy=replace(method.policy, access=frozenset(access)))  # type: ignore[arg-type]
    found = exposed_methods([changed], development=development)
    if access == {Access.ACCESS_SERVICE}:
        assert not found
        return
    (one,) = found
    assert one.public == (Access.ACCESS_PUBLIC in access)
    assert "service" not in one.kinds
    assert bool(one.kinds) != one.public


@pytest.mark.parametrize(
    ("text", "host", "port"), [("127.0.0.1:1", "127.0.0.1", 1), ("[::1]:65535", "::1", 65535)]
)
def test_an_address_is_written_as_it_was_read(text: str, host: str, port: int) -> None:
    address = Address.parse(text)
    assert (address.host, address.port, str(address)) == (host, port, text)
