"""What passes the gateway, what does not, and with which words.

Every check of one configuration shares one gateway, because starting Envoy is what costs.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import httpx
import pytest
import pytest_asyncio

from pulsemesh.auth.v1 import development_issuer_service_pb2, development_issuer_service_pb2_grpc
from pulsemesh.type.v1.sport_pb2 import Sport
from pulsemesh.workout.v1 import ingest_service_pb2, ingest_service_pb2_grpc
from pulsemesh.workout.v1 import workout_service_pb2 as messages
from pulsemesh.workout.v1 import workout_service_pb2_grpc as service
from services.auth.issuer import DevelopmentIssuer
from services.gateway.binary import NoEnvoy, find_envoy
from services.gateway.openapi import openapi
from services.gateway.process import EnvoyProcess
from services.gateway.rendering import contract_methods
from tests.integration.services.gateway.world import GET, ISSUER, WORKOUT_ID, World, failure, world

REQUEST = messages.GetWorkoutRequest(workout_id=WORKOUT_ID)
ORIGIN = "https://app.example.com"
WORKOUTS = f"/v1/workouts/{WORKOUT_ID}"

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Door:
    """The gateway of this module, from a client's side."""

    def __init__(self, made: World, envoy: EnvoyProcess) -> None:
        self.world = made
        self.envoy = envoy
        self.channel = made.channel(envoy)
        self.stub = service.WorkoutServiceStub(self.channel)
        self.http = made.http(envoy)

    def headers(self) -> dict[str, str]:
        return dict(self.world.bearer())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    try:
        find_envoy()
    except NoEnvoy as error:
        pytest.skip(str(error))
    async with world(tmp_path_factory.mktemp("gateway")) as made:
        envoy = await made.start_gateway(made.shape(origins=(ORIGIN,)))
        found = Door(made, envoy)
        yield found
        await found.http.aclose()


async def test_a_unary_call_arrives_with_its_caller(door: Door) -> None:
    answer = await door.stub.GetWorkout(REQUEST, metadata=door.world.bearer("ann"))
    assert answer.workout.title == door.world.issuer.issue("ann").user_id


async def test_a_stream_in_both_directions_passes(door: Door) -> None:
    call = ingest_service_pb2_grpc.IngestServiceStub(door.channel).StreamSamples(metadata=door.world.bearer())
    for _ in range(3):
        await call.write(ingest_service_pb2.StreamSamplesRequest())
        assert await call.read() == ingest_service_pb2.StreamSamplesResponse()
    await call.done_writing()
    assert await call.code() == grpc.StatusCode.OK


async def test_no_token_is_told_to_bring_one(door: Door) -> None:
    found = await failure(door.stub.GetWorkout(REQUEST))
    assert found == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_MISSING")


async def test_an_expired_token_is_told_apart(door: Door) -> None:
    past = DevelopmentIssuer(
        door.world.data_dir, cell="eu", issuer=ISSUER, clock_s=lambda: time.time() - 10_000
    )
    metadata = (("authorization", f"Bearer {past.issue('me').access_token}"),)
    found = await failure(door.stub.GetWorkout(REQUEST, metadata=metadata))
    assert found == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_EXPIRED")


async def test_a_forged_token_stops_at_the_door(door: Door, tmp_path: Path) -> None:
    forger = DevelopmentIssuer(tmp_path, cell="eu", issuer=ISSUER)
    metadata = (("authorization", f"Bearer {forger.issue('me').access_token}"),)
    before = door.world.backend.workouts.calls
    found = await failure(door.stub.GetWorkout(REQUEST, metadata=metadata))
    assert found == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")
    assert door.world.backend.workouts.calls == before


async def test_people_of_a_cell_that_is_not_known_here_are_told_so(door: Door) -> None:
    abroad = DevelopmentIssuer(door.world.data_dir, cell="us", issuer=ISSUER)
    metadata = (("authorization", f"Bearer {abroad.issue('me').access_token}"),)
    found = await failure(door.stub.GetWorkout(REQUEST, metadata=metadata))
    assert found == (grpc.StatusCode.FAILED_PRECONDITION, "WRONG_CELL")


async def test_a_service_does_not_come_in_by_the_front_door(door: Door) -> None:
    token = door.world.issuer.issue_for_service("auth").access_token
    metadata = (("authorization", f"Bearer {token}"),)
    found = await failure(door.stub.GetWorkout(REQUEST, metadata=metadata))
    assert found == (grpc.StatusCode.PERMISSION_DENIED, "ACCESS_DENIED")


async def test_a_device_may_not_do_what_its_person_may(door: Door) -> None:
    metadata = door.world.bearer(device=True)
    found = await failure(door.stub.UpdateWorkout(messages.UpdateWorkoutRequest(), metadata=metadata))
    assert found == (grpc.StatusCode.PERMISSION_DENIED, "ACCESS_DENIED")


async def test_identity_headers_of_callers_are_struck_out(door: Door) -> None:
    spoofed = (
        ("x-pulsemesh-user-id", "eu_somebody"),
        ("x-pulsemesh-caller-kind", "staff"),
        ("x-pulsemesh-session-id", "s"),
        ("pulsemesh-on-behalf-of", "eu_somebody"),
        ("x-forwarded-for", "203.0.113.7"),
    )
    await door.stub.GetWorkout(REQUEST, metadata=(*door.world.bearer("ann"), *spoofed))
    seen = door.world.backend.workouts.seen
    assert seen["x-pulsemesh-user-id"] == door.world.issuer.issue("ann").user_id
    assert seen["x-pulsemesh-caller-kind"] == "user"
    assert seen.get("x-pulsemesh-session-id") != "s"
    assert "pulsemesh-on-behalf-of" not in seen
    assert seen["x-forwarded-for"] == "127.0.0.1"


async def test_identity_headers_replace_no_token(door: Door) -> None:
    found = await failure(door.stub.GetWorkout(REQUEST, metadata=(("x-pulsemesh-user-id", "eu_somebody"),)))
    assert found == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_MISSING")


async def test_the_development_issuer_has_no_route_in_production(door: Door) -> None:
    stub = development_issuer_service_pb2_grpc.DevelopmentIssuerServiceStub(door.channel)
    call = stub.CreateAccessToken(development_issuer_service_pb2.CreateAccessTokenRequest(login="me"))
    assert await failure(call) == (grpc.StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN")


@pytest.mark.parametrize(
    "path",
    [
        "/pulsemesh.auth.v1.KeyService/WatchRevocations",
        "/pulsemesh.workout.v1.WorkoutService/Nothing",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "/x.Y/Z",
    ],
)
async def test_what_is_not_for_callers_from_outside_has_no_route(door: Door, path: str) -> None:
    call = door.channel.unary_unary(path)(b"", metadata=door.world.bearer())
    assert await failure(call) == (grpc.StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN")


async def test_the_services_own_errors_pass_unchanged(door: Door) -> None:
    call = door.stub.GetWorkout(messages.GetWorkoutRequest(workout_id="1"), metadata=door.world.bearer())
    assert await failure(call) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")


async def test_too_many_headers_get_no_further(door: Door) -> None:
    flood = tuple((f"x-{number}", "1") for number in range(200))
    before = door.world.backend.workouts.calls
    with pytest.raises(grpc.aio.AioRpcError):
        await door.stub.GetWorkout(REQUEST, metadata=(*door.world.bearer(), *flood))
    assert door.world.backend.workouts.calls == before
    await door.stub.GetWorkout(REQUEST, metadata=door.world.bearer())


async def test_a_browser_calls_by_grpc_web(door: Door) -> None:
    body = REQUEST.SerializeToString()
    frame = b"\0" + len(body).to_bytes(4, "big") + body
    headers = door.headers() | {"content-type": "application/grpc-web+proto", "origin": ORIGIN}
    answer = await door.http.post(GET, content=frame, headers=headers)
    assert answer.status_code == httpx.codes.OK
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    size = int.from_bytes(answer.content[1:5], "big")
    assert messages.GetWorkoutResponse.FromString(answer.content[5 : 5 + size]).workout.title
    assert b"grpc-status: 0" in answer.content.replace(b"grpc-status:0", b"grpc-status: 0")


async def test_a_browser_is_refused_in_grpc_web(door: Door) -> None:
    headers = {"content-type": "application/grpc-web+proto"}
    answer = await door.http.post(GET, content=b"\0\0\0\0\0", headers=headers)
    assert answer.headers["grpc-status"] == "16"


async def test_a_page_of_ours_may_ask_beforehand(door: Door) -> None:
    headers = {"origin": ORIGIN, "access-control-request-method": "POST"}
    answer = await door.http.options(GET, headers=headers)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "authorization" in answer.headers["access-control-allow-headers"]


async def test_a_page_of_ours_may_read_what_rest_answers(door: Door) -> None:
    answer = await door.http.get(WORKOUTS, headers=door.headers() | {"origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN


async def test_a_page_of_somebody_else_gets_no_permission(door: Door) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = await door.http.options(GET, headers=headers)
    assert "access-control-allow-origin" not in answer.headers


async def test_rest_reads_by_path(door: Door) -> None:
    answer = await door.http.get(WORKOUTS, headers=door.headers())
    assert answer.status_code == httpx.codes.OK
    assert answer.json()["workout"]["workoutId"] == WORKOUT_ID


async def test_rest_asks_by_query_as_the_openapi_document_says(door: Door) -> None:
    query = {
        "page_size": "3",
        "filter.sports": ["SPORT_CYCLING", "SPORT_RUNNING"],
        "filter.started_after": "2026-01-02T03:04:05Z",
        "filter.minimum_distance_m": "1500.5",
        "filter.hidden": "true",
    }
    documented = openapi(contract_methods(development=False))["paths"]["/v1/workouts"]["get"]["parameters"]
    assert set(query) <= {one["name"] for one in documented}
    answer = await door.http.get("/v1/workouts", params=query, headers=door.headers())
    assert answer.json() == {"nextPageToken": "next"}
    asked = door.world.backend.workouts.listed
    assert asked.page_size == 3
    assert list(asked.filter.sports) == [Sport.SPORT_CYCLING, Sport.SPORT_RUNNING]
    assert asked.filter.started_after.ToJsonString() == "2026-01-02T03:04:05Z"
    assert asked.filter.minimum_distance_m == 1500.5
    assert asked.filter.hidden


async def test_rest_changes_by_path_and_body(door: Door) -> None:
    change = {"workout": {"title": "Evening"}, "updateMask": "title"}
    answer = await door.http.patch(WORKOUTS, json=change, headers=door.headers())
    assert answer.json()["workout"] == {"workoutId": WORKOUT_ID, "title": "Evening"}


async def test_rest_gets_the_services_errors_as_json_with_their_reason(door: Door) -> None:
    answer = await door.http.get("/v1/workouts/1", headers=door.headers())
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["details"][0]["reason"] == "FIELD_INVALID"


@pytest.mark.parametrize(
    ("path", "token", "status", "reason"),
    [
        (WORKOUTS, False, 401, "CREDENTIALS_MISSING"),
        (f"{WORKOUTS}?nonsense=1", True, 400, "REQUEST_MALFORMED"),
        ("/v1/nothing", True, 404, "METHOD_UNKNOWN"),
        (GET, True, 404, "METHOD_UNKNOWN"),
    ],
)
async def test_rest_gets_the_gateways_errors_as_json(
    door: Door, path: str, token: bool, status: int, reason: str
) -> None:
    answer = await door.http.get(path, headers=door.headers() if token else {})
    assert (answer.status_code, answer.json()["details"][0]["reason"]) == (status, reason)


async def test_rest_is_bound_by_the_same_checks_as_grpc(door: Door) -> None:
    headers = dict(door.world.bearer(device=True))
    answer = await door.http.patch(WORKOUTS, json={}, headers=headers)
    assert (answer.status_code, answer.json()["details"][0]["reason"]) == (403, "ACCESS_DENIED")


async def test_a_rest_body_beyond_what_a_message_may_hold_is_refused(door: Door) -> None:
    body = {"workout": {"title": "x" * (5 << 20)}}  # grpcio takes 4 MiB where nobody says otherwise
    answer = await door.http.patch(WORKOUTS, json=body, headers=door.headers())
    assert answer.status_code == httpx.codes.TOO_MANY_REQUESTS


async def test_a_path_with_an_escaped_slash_is_refused(door: Door) -> None:
    answer = await door.http.get("/v1%2Fworkouts", headers=door.headers())
    assert answer.status_code == httpx.codes.BAD_REQUEST


async def test_the_access_log_names_method_and_user_and_no_address(door: Door) -> None:
    await door.http.get(f"{WORKOUTS}?secret=1", headers=door.headers())
    await door.stub.GetWorkout(REQUEST, metadata=door.world.bearer("logged"))
    user_id = door.world.issuer.issue("logged").user_id
    log = door.world.folder / "access.log"
    for _ in range(300):  # Envoy writes it behind the calls
        if user_id in log.read_text():
            break
        time.sleep(0.05)  # noqa: ASYNC251 - the file is another process'
    text = log.read_text()
    assert user_id in text
    assert GET in text
    assert "secret" not in text
    assert "127.0.0.1" not in text
    assert "Bearer" not in text
