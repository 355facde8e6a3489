"""What the gateway does over time: limits, retries, changes of its configuration, other cells, its end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from pulsemesh.workout.v1 import workout_service_pb2 as messages
from pulsemesh.workout.v1 import workout_service_pb2_grpc as service
from services.chassis.limits import InProcessRateLimiter
from services.gateway.binary import find_envoy
from services.gateway.exposure import ExposedMethod
from services.gateway.process import EnvoyFailed, EnvoyProcess
from services.gateway.ratelimit import RateLimitServer
from services.gateway.rendering import contract_methods, render, write
from services.gateway.shape import Address, KeySetFile, UpstreamTls
from services.gateway.validation import ConfigurationRefused, validate
from tests.integration.services.gateway.world import GET, WORKOUT_ID, Backend, World, failure

REQUEST = messages.GetWorkoutRequest(workout_id=WORKOUT_ID)
LIMITED = (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")


def limited(**changes: Any) -> list[ExposedMethod]:
    """The contracts' methods, with another limit for GetWorkout."""
    return [
        _limited(one, changes) if one.method.path == GET else one
        for one in contract_methods(development=False)
    ]


def _limited(exposed: ExposedMethod, changes: dict[str, Any]) -> ExposedMethod:
    policy = exposed.method.policy
    assert policy is not None
    assert policy.rate_limit is not None
    changed = replace(policy, rate_limit=replace(policy.rate_limit, **changes))
    return replace(exposed, method=replace(exposed.method, policy=changed))


async def outcomes(stub: Any, metadata: Any, calls: int) -> list[str]:
    """Codes of calls, one after the other."""
    found = []
    for _ in range(calls):
        try:
            await stub.GetWorkout(REQUEST, metadata=metadata)
            found.append("OK")
        except grpc.aio.AioRpcError as error:
            found.append(error.code().name)
    return found


async def test_each_caller_has_a_limit_that_many_others_do_not_reset(one_world: World) -> None:
    envoy = await one_world.start_gateway(one_world.shape(), limited(calls=3, period_s=3600.0, burst=3))
    stub = service.WorkoutServiceStub(one_world.channel(envoy))
    blocked = one_world.bearer("blocked")
    assert (await outcomes(stub, blocked, 5)).count("OK") == 3
    for number in range(60):
        assert await outcomes(stub, one_world.bearer(f"other-{number}"), 1) == ["OK"]
    assert await failure(stub.GetWorkout(REQUEST, metadata=blocked)) == LIMITED


async def test_a_shared_limit_is_counted_once_over_two_gateways(one_world: World) -> None:
    methods = limited(calls=5, period_s=3600.0, burst=5, shared=True)
    limits = RateLimitServer(
        InProcessRateLimiter(), listen="127.0.0.1:0", methods=[one.method for one in methods]
    )
    shape = one_world.shape(limits=Address.parse(await limits.start()))
    try:
        metadata = one_world.bearer()
        allowed = 0
        for name in ("first", "second"):
            folder = str(one_world.folder / name)
            envoy = await one_world.start_gateway(replace(shape, folder=folder), methods)
            stub = service.WorkoutServiceStub(one_world.channel(envoy))
            allowed += (await outcomes(stub, metadata, 4)).count("OK")
        assert allowed == 5
        assert await failure(stub.GetWorkout(REQUEST, metadata=metadata)) == LIMITED
    finally:
        await limits.stop()


async def test_what_is_safe_is_sent_again_and_what_is_not_is_not(one_world: World) -> None:
    envoy = await one_world.start_gateway(one_world.shape())
    stub = service.WorkoutServiceStub(one_world.channel(envoy))
    backend = one_world.backend.workouts
    metadata = one_world.bearer()

    backend.failures = 1
    await stub.GetWorkout(REQUEST, metadata=metadata)
    assert backend.calls == 2

    backend.calls, backend.failures = 0, 1
    request = messages.UpdateWorkoutRequest(update_mask={"paths": ["title"]})
    request.workout.workout_id = WORKOUT_ID
    code, _ = await failure(stub.UpdateWorkout(request, metadata=metadata))
    assert (code, backend.calls) == (grpc.StatusCode.UNAVAILABLE, 1)


async def test_a_service_that_is_away_is_told_in_our_words_and_found_again(one_world: World) -> None:
    envoy = await one_world.start_gateway(one_world.shape())
    stub = service.WorkoutServiceStub(one_world.channel(envoy))
    metadata = one_world.bearer()
    await one_world.backend.stop()
    found = await failure(stub.GetWorkout(REQUEST, metadata=metadata))
    assert found == (grpc.StatusCode.UNAVAILABLE, "SERVICE_UNREACHABLE")
    await one_world.backend.start()
    for _ in range(200):
        if (await outcomes(stub, metadata, 1)) == ["OK"]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the service was not found again")


async def test_an_ended_session_is_shut_out_without_a_restart(one_world: World) -> None:
    shape = one_world.shape()
    envoy = await one_world.start_gateway(shape)
    stub = service.WorkoutServiceStub(one_world.channel(envoy))
    ended, other = one_world.bearer("ended"), one_world.bearer("other")
    await stub.GetWorkout(REQUEST, metadata=ended)
    session = str(one_world.backend.workouts.seen["x-pulsemesh-session-id"])
    assert session
    changed = write(render(replace(shape, denied_sessions=(session,))), Path(shape.folder))
    assert changed == ["routes.yaml"]
    for _ in range(200):
        if (await outcomes(stub, ended, 1)) == ["UNAUTHENTICATED"]:
            break
        await asyncio.sleep(0.05)
    found = await failure(stub.GetWorkout(REQUEST, metadata=ended))
    assert found == (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")
    assert await outcomes(stub, other, 1) == ["OK"]


async def test_people_of_another_cell_are_brought_to_its_gateway(one_world: World, tmp_path: Path) -> None:
    """The other cell's gateway proves the token again: here both cells' keys are in one file."""
    abroad = Backend(one_world.data_dir, cell="us")
    await abroad.start()
    try:
        us = one_world.shape(
            cell="us",
            issuer="pulsemesh-us",
            folder=str(tmp_path / "us"),
            services={"workout": abroad.address},
        )
        us_gateway = await one_world.start_gateway(us)
        eu = one_world.shape(
            cells={"us": Address.parse(us_gateway.address)},
            cells_authority=str(one_world.certificate.authority),
        )
        issuer = type(one_world.issuer)(one_world.data_dir, cell="us", issuer="pulsemesh-us")
        token = issuer.issue("me").access_token
        # The other cell's key set would be fetched from its pages, which are not served here.
        text = render(eu)
        text["listeners.yaml"] = _with_local_keys(text["listeners.yaml"], eu.keys[0])
        envoy = await _start(one_world, eu.folder, text)
        stub = service.WorkoutServiceStub(one_world.channel(envoy))
        answer = await stub.GetWorkout(REQUEST, metadata=(("authorization", f"Bearer {token}"),))
        assert answer.workout.title == issuer.issue("me").user_id
        assert (abroad.workouts.calls, one_world.backend.workouts.calls) == (1, 0)
    finally:
        await abroad.stop()


def _with_local_keys(listeners: bytes, keys: Any) -> bytes:
    assert isinstance(keys, KeySetFile)
    document = yaml.safe_load(listeners)
    filters = document["resources"][0]["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    providers = next(one for one in filters if "jwt" in one["name"])["typed_config"]["providers"]
    del providers["cell-us"]["remote_jwks"]
    providers["cell-us"]["local_jwks"] = {"filename": keys.path}
    return yaml.safe_dump(document).encode()


async def _start(one_world: World, folder: str, files: dict[str, bytes]) -> Any:
    write(files, Path(folder))
    envoy = EnvoyProcess(find_envoy(), Path(folder), threads=1)
    await envoy.start()
    one_world.envoys.append(envoy)
    return envoy


async def test_gateway_and_services_prove_themselves_to_each_other(one_world: World) -> None:
    await one_world.backend.stop()
    guarded = Backend(one_world.data_dir)
    await guarded.start(one_world.authority.issue("workout", services=["workout"]))
    own = one_world.authority.issue("gateway", services=())
    tls = UpstreamTls(str(own.authority), str(own.certificate), str(own.key))
    try:
        shape = one_world.shape(services={"workout": guarded.address}, upstream_tls=tls)
        stub = service.WorkoutServiceStub(one_world.channel(await one_world.start_gateway(shape)))
        answer = await stub.GetWorkout(REQUEST, metadata=one_world.bearer())
        assert answer.workout.workout_id == WORKOUT_ID

        without = replace(shape, folder=str(one_world.folder / "without"), upstream_tls=None)
        stub = service.WorkoutServiceStub(one_world.channel(await one_world.start_gateway(without)))
        found = await failure(stub.GetWorkout(REQUEST, metadata=one_world.bearer()))
        assert found == (grpc.StatusCode.UNAVAILABLE, "SERVICE_UNREACHABLE")
    finally:
        await guarded.stop()


async def test_a_drain_lets_a_running_call_end(one_world: World) -> None:
    envoy = await one_world.start_gateway(one_world.shape())
    stub = service.WorkoutServiceStub(one_world.channel(envoy))
    backend = one_world.backend.workouts
    backend.hold.clear()
    call = stub.GetWorkout(REQUEST, metadata=one_world.bearer())
    while not backend.calls:  # noqa: ASYNC110 - a plain counter
        await asyncio.sleep(0.01)
    draining = asyncio.create_task(envoy.drain(30.0))
    await asyncio.sleep(0.3)
    assert not draining.done()
    backend.hold.set()
    assert (await call).workout.workout_id == WORKOUT_ID
    await draining
    assert await envoy.wait() == 0


async def test_a_configuration_that_envoy_refuses_is_told(one_world: World) -> None:
    shape = one_world.shape()
    files = render(shape)
    files["listeners.yaml"] = files["listeners.yaml"].replace(b"stat_prefix: door", b"stat_prefixes: door")
    with pytest.raises(EnvoyFailed, match="stat_prefixes"):
        await _start(one_world, shape.folder, files)
    pair = (one_world.certificate.certificate, one_world.certificate.key)
    with pytest.raises(ConfigurationRefused, match="stat_prefixes"):
        await validate(files, find_envoy(), pair)
