"""What no client of ours sends: each gets a typed answer, and the server stays well."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pulsemesh.workout.v1 import workout_service_pb2
from services.chassis.policy import MethodInfo, default_registry
from tests.security.callers import ON_BEHALF_OF, bearer
from tests.security.calling import Answer, call
from tests.security.target import Target
from tests.security.tokens import user_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

GET = default_registry().method("/pulsemesh.workout.v1.WorkoutService/GetWorkout")
LIST = default_registry().method("/pulsemesh.workout.v1.WorkoutService/ListWorkouts")
ATHLETE = "/pulsemesh.workout.v1.AthleteService/"
ALL_SCOPES = frozenset({"workout.read", "workout.write", "ingest", "profile.read", "account"})
REFUSED = {
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}


async def require_well(target: Target) -> None:
    """The server says that it serves, and answers somebody who did nothing wrong."""
    stub: Any = health_pb2_grpc.HealthStub(target.channel)
    health = await stub.Check(health_pb2.HealthCheckRequest(), timeout=20)
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    answer = await call(target.channel, LIST, LIST.request_class(), person(target, "well"))
    assert answer.code is grpc.StatusCode.OK


def person(target: Target, name: str, **more: Any) -> list[tuple[str, str | bytes]]:
    return bearer(target.mint.signed(target.mint.claims(user_id(name), "user", ALL_SCOPES) | more))


async def listed(target: Target, metadata: list[tuple[str, str | bytes]]) -> Answer:
    return await call(target.channel, LIST, LIST.request_class(), metadata)


# Methods and messages


@pytest.mark.parametrize(
    "path",
    [
        "/pulsemesh.workout.v1.WorkoutService/DropEverything",
        "/pulsemesh.workout.v1.Nobody/GetWorkout",
        "/pulsemesh.workout.v9.WorkoutService/GetWorkout",
        "/",
        "//",
        "/../../etc/passwd",
        "/pulsemesh.workout.v1.WorkoutService/getworkout",
        "/pulsemesh.workout.v1.WorkoutService/GetWorkout/",
        "/" + "a" * 4_000,
    ],
    ids=lambda path: path[:50],
)
async def test_unknown_methods_are_not_there(target: Target, path: str) -> None:
    unknown: Any = target.channel.unary_unary(path)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await unknown(b"", metadata=person(target, "unknown"), timeout=20)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    await require_well(target)


@pytest.mark.parametrize("seed", range(12))
async def test_malformed_messages_are_refused(target: Target, seed: int) -> None:
    noise = random.Random(seed)
    methods = [method for method in target.methods if not method.server_streaming]
    for _ in range(6):
        method = noise.choice(methods)
        size = noise.choice((1, 7, 100, 3_000))
        answer = await call(target.channel, method, noise.randbytes(size), person(target, "malformed"))
        assert answer.code is not grpc.StatusCode.UNKNOWN, method.path
    await require_well(target)


async def test_a_message_that_is_no_protobuf_is_refused(target: Target) -> None:
    answer = await call(target.channel, GET, b"\xff" * 100, person(target, "malformed"))
    assert (answer.code, answer.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    anonymous = await call(target.channel, GET, b"\xff" * 100, [])
    assert anonymous.reason == "CREDENTIALS_MISSING"
    await require_well(target)


async def test_an_oversized_message_is_refused(target: Target) -> None:
    huge = workout_service_pb2.GetWorkoutRequest(workout_id="a" * (17 * 1024 * 1024))
    answer = await call(target.channel, GET, huge, person(target, "oversized"))
    assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    await require_well(target)


async def test_a_long_field_is_refused_without_being_repeated_back(target: Target) -> None:
    request = workout_service_pb2.GetWorkoutRequest(workout_id="a" * 1_000_000)
    answer = await call(target.channel, GET, request, person(target, "long"))
    assert (answer.code, answer.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert len(answer.content) < 10_000
    await require_well(target)


async def test_deeply_nested_unknown_fields_are_refused_or_ignored(target: Target) -> None:
    nested = b""
    for _ in range(3_000):
        nested = b"\x0a" + _varint(len(nested)) + nested
    answer = await call(target.channel, LIST, nested, person(target, "nested"))
    assert answer.code is not grpc.StatusCode.UNKNOWN
    await require_well(target)


def _varint(number: int) -> bytes:
    encoded = b""
    while number > 127:
        encoded += bytes([number & 127 | 128])
        number >>= 7
    return encoded + bytes([number])


# Headers


@pytest.mark.parametrize(
    "spoofed",
    [
        (ON_BEHALF_OF, user_id("victim")),
        ("x-pulsemesh-user-id", user_id("victim")),
        ("x-pulsemesh-subject", user_id("victim")),
        ("x-pulsemesh-kind", "staff"),
        ("x-pulsemesh-roles", "security_admin"),
        ("x-forwarded-client-cert", "URI=pulsemesh://eu/service/auth"),
        ("x-jwt-payload", base64.b64encode(b'{"sub": "victim"}').decode()),
        ("authorization-bin", b"Bearer x"),
        (f"{ON_BEHALF_OF}-bin", user_id("victim").encode()),
    ],
    ids=lambda pair: str(pair[0]),
)
async def test_a_person_stays_themselves_whatever_headers_say(
    target: Target, spoofed: tuple[str, str | bytes]
) -> None:
    metadata = [*person(target, "spoofer"), spoofed]
    method = default_registry().method(f"{ATHLETE}GetAthleteSettings")
    own = await call(target.channel, method, method.request_class(), person(target, "spoofer"))
    answer = await call(target.channel, method, method.request_class(), metadata)
    assert (answer.code, answer.content) == (own.code, own.content)
    assert user_id("victim").encode() not in answer.content


@pytest.mark.parametrize("second", ["Bearer forged.token.here", "", "Basic x", "in-process"])
async def test_of_two_tokens_none_counts_or_the_last(target: Target, second: str) -> None:
    answer = await listed(target, [*person(target, "twice"), ("authorization", second)])
    assert answer.code is grpc.StatusCode.UNAUTHENTICATED


async def test_a_flood_of_metadata_is_refused(target: Target) -> None:
    flood: list[tuple[str, str | bytes]] = [(f"x-flood-{number}", "a" * 500) for number in range(200)]
    answer = await listed(target, [*person(target, "flood"), *flood])
    assert answer.code in {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL}
    await require_well(target)


@pytest.mark.parametrize("length", [0, 1, 8_193, 60_000])
async def test_tokens_of_odd_lengths_are_refused(target: Target, length: int) -> None:
    answer = await listed(target, [("authorization", "Bearer " + "a" * length)])
    assert answer.code in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED}
    await require_well(target)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256", "kid": ""},
        {"alg": "ES256", "kid": "../../../../etc/passwd"},
        {"alg": "ES256", "kid": "x' UNION SELECT * FROM signing_keys --"},
        {"alg": "ES256", "kid": ["a"]},
        {"alg": "ES256", "kid": {"a": 1}},
        {"alg": "ES256", "kid": None},
        {"alg": ["ES256"], "kid": "a"},
        {"alg": "ES256", "kid": "a", "jku": "https://evil.example/keys"},
        {"alg": "ES256", "kid": "a", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}},
        {"alg": "ES256", "kid": "a", "crit": ["exp"]},
        {"alg": "ES256", "kid": "a" * 5_000},
        {"alg": "ES256", "kid": "\x00\n\r"},
    ],
    ids=lambda header: json.dumps(header)[:60],
)
async def test_headers_of_tokens_that_mean_harm_are_refused(target: Target, header: dict[str, Any]) -> None:
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    answer = await listed(target, [("authorization", f"Bearer {encoded}.e30.AAAA")])
    assert (answer.code, answer.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")


@pytest.mark.parametrize("part", [b"[" * 2_500, b'{"kid":' * 350, b'{"a":1e999999}', b"\xff" * 50])
async def test_tokens_of_nested_or_broken_json_are_refused(target: Target, part: bytes) -> None:
    encoded = base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    for token in (f"{encoded}.e30.AAAA", f"e30.{encoded}.AAAA", encoded, f"{encoded}.{encoded}"):
        answer = await listed(target, [("authorization", f"Bearer {token}")])
        assert (answer.code, answer.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")
    await require_well(target)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 10**300},
        {"exp": "9999999999"},
        {"exp": -1},
        {"nbf": 10**30},
        {"sub": ["eu_1"]},
        {"sub": "eu_1\x00"},
        {"scope": ["workout.read"]},
        {"scope": {"workout.read": True}},
        {"roles": 5},
        {"act": [[[[]]]]},
        {"act": {"sub": {"sub": "service:auth"}}},
        {"aud": ["pulsemesh:"]},
        {"kind": "USER"},
        {"kind": ""},
    ],
    ids=lambda claims: json.dumps(claims)[:50],
)
async def test_odd_claims_never_break_the_server(target: Target, claims: dict[str, Any]) -> None:
    answer = await listed(target, person(target, "odd", **claims))
    assert answer.code in REFUSED | {grpc.StatusCode.OK, grpc.StatusCode.FAILED_PRECONDITION}
    await require_well(target)


# Repeats


async def test_a_request_id_with_another_body_is_refused(target: Target) -> None:
    method = default_registry().method(f"{ATHLETE}SetThresholds")
    if not _repeatable(method):
        pytest.skip("the method has no request_id")
    first: Any = method.request_class()
    first.request_id = "01J00000000000000000000ABC"
    first.thresholds.functional_threshold_power_w = 250
    second: Any = method.request_class()
    second.CopyFrom(first)
    second.thresholds.functional_threshold_power_w = 400
    metadata = person(target, "repeater")
    assert (await call(target.channel, method, first, metadata)).code is grpc.StatusCode.OK
    assert (await call(target.channel, method, first, metadata)).code is grpc.StatusCode.OK
    answer = await call(target.channel, method, second, metadata)
    assert answer.reason == "REQUEST_ID_REUSED"


def _repeatable(method: MethodInfo) -> bool:
    return "request_id" in method.request_class.DESCRIPTOR.fields_by_name


async def test_many_bad_tokens_at_once_hold_up_nobody(target: Target) -> None:
    bad = [listed(target, [("authorization", f"Bearer {number}.e30.AA")]) for number in range(300)]
    answers = await asyncio.gather(*bad, listed(target, person(target, "good")))
    assert {answer.code for answer in answers[:-1]} == {grpc.StatusCode.UNAUTHENTICATED}
    assert answers[-1].code is grpc.StatusCode.OK
