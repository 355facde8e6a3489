"""Which domain is reached how, and what a call takes along."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import grpc
import pytest

from pulsemesh.workout.v1 import workout_service_pb2, workout_service_pb2_grpc
from services.chassis.auth import Principal
from services.chassis.call import Call, bind_call
from services.chassis.channels import ChannelDirectory, DomainNotReachable, FileServiceToken, service_config
from services.chassis.channels.credentials import HeaderCredentials, NoCredentials
from services.chassis.channels.forwarding import forwarded_metadata, forwarded_timeout
from services.chassis.inprocess import InProcessChannel
from services.chassis.policy import default_registry
from services.chassis.settings import load_settings
from tests.fixtures.workout_servicers import (
    AUTHORISED,
    PRINCIPALS,
    USER_ID,
    WORKOUT_ID,
    Servicers,
)

WORKOUTS = default_registry().service("pulsemesh.workout.v1.WorkoutService")
INGEST = default_registry().service("pulsemesh.workout.v1.IngestService")


class FixedToken:
    def token(self) -> str:
        return "service"


def call_of(principal: Principal, **options: Any) -> Call:
    return Call(WORKOUTS["GetWorkout"], principal=principal, **options)


def config_of(*methods: Any) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(service_config(methods, health_service="x"))
    return config


def directory(served: list[str], handlers: Any = None, **settings: Any) -> ChannelDirectory:
    return ChannelDirectory(
        load_settings(settings), served=served, handlers=handlers or {}, identity=FixedToken()
    )


# The service config


def test_a_safe_method_is_retried_by_the_channel() -> None:
    (method,) = config_of(WORKOUTS["GetWorkout"])["methodConfig"]
    assert method["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
    assert method["timeout"] == "5.000s"
    assert method["name"] == [{"service": "pulsemesh.workout.v1.WorkoutService", "method": "GetWorkout"}]


def test_a_method_with_request_ids_is_retried_by_the_channel() -> None:
    assert "retryPolicy" in config_of(WORKOUTS["UpdateWorkout"])["methodConfig"][0]


def test_a_stream_of_requests_is_never_repeated_by_the_channel() -> None:
    (method,) = config_of(INGEST["StreamSamples"])["methodConfig"]
    assert "retryPolicy" not in method
    assert "timeout" not in method


def test_calls_are_spread_over_healthy_addresses() -> None:
    config = config_of()
    assert config["loadBalancingConfig"] == [{"round_robin": {}}]
    assert config["healthCheckConfig"] == {"serviceName": "x"}


# What is forwarded


def test_a_call_takes_trace_and_request_id_along() -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    call = call_of(PRINCIPALS["person"], metadata={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    forwarded = dict(forwarded_metadata((), None, call, NoCredentials()))
    assert str(forwarded["traceparent"]).startswith(f"00-{trace}-")
    assert forwarded["x-request-id"] == trace


def test_a_call_for_a_person_says_for_whom() -> None:
    forwarded = dict(
        forwarded_metadata((), None, call_of(PRINCIPALS["person"]), HeaderCredentials(FixedToken()))
    )
    assert forwarded["authorization"] == "Bearer service"
    assert forwarded["pulsemesh-on-behalf-of"] == USER_ID


def test_background_work_acts_for_nobody() -> None:
    assert forwarded_metadata((), None, None, HeaderCredentials(FixedToken())) == [
        ("authorization", "Bearer service")
    ]


def test_credentials_given_by_the_caller_stay() -> None:
    forwarded = forwarded_metadata(
        AUTHORISED, None, call_of(PRINCIPALS["person"]), HeaderCredentials(FixedToken())
    )
    assert [value for key, value in forwarded if key == "authorization"] == ["Bearer person"]
    assert "pulsemesh-on-behalf-of" not in dict(forwarded)


def test_the_least_of_all_deadlines_holds() -> None:
    call = call_of(PRINCIPALS["person"], deadline_s=2.0)
    remaining = forwarded_timeout(10.0, 5.0, call)
    assert remaining is not None
    assert remaining <= 2.0
    assert forwarded_timeout(1.0, 5.0, call) == 1.0
    assert forwarded_timeout(None, 5.0, None) == 5.0
    assert forwarded_timeout(None, None, None) is None


async def test_a_served_domain_is_called_in_process_as_a_service() -> None:
    servicers = Servicers()
    channels = directory(["workout"], servicers.collector.handlers)
    stub: Any = workout_service_pb2_grpc.WorkoutServiceStub(channels.channel("workout"))
    with bind_call(call_of(PRINCIPALS["person"])):
        call = stub.GetWorkout(workout_service_pb2.GetWorkoutRequest(workout_id=WORKOUT_ID))
        # the contract lets no service call this one: it was the service's token that came
        assert await call.code() is grpc.StatusCode.PERMISSION_DENIED
        own = stub.GetWorkout(
            workout_service_pb2.GetWorkoutRequest(workout_id=WORKOUT_ID), metadata=AUTHORISED
        )
        assert (await own).workout.workout_id == WORKOUT_ID
    await channels.close()


async def test_a_domain_elsewhere_is_called_over_the_network() -> None:
    servicers = Servicers()
    server = grpc.aio.server()
    servicers.collector.add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channels = directory([], channels={"workout": f"127.0.0.1:{port}"})
    stub: Any = workout_service_pb2_grpc.WorkoutServiceStub(channels.channel("workout"))
    response = await stub.GetWorkout(
        workout_service_pb2.GetWorkoutRequest(workout_id=WORKOUT_ID), metadata=AUTHORISED, timeout=20
    )
    assert response.workout.workout_id == WORKOUT_ID
    await channels.close()
    await server.stop(None)


def test_a_domain_that_nobody_located_is_named() -> None:
    with pytest.raises(DomainNotReachable, match="PULSEMESH_CHANNELS"):
        directory(["workout"]).channel("auth")


async def test_a_channel_is_opened_once() -> None:
    channels = directory(["workout"])
    assert channels.channel("workout") is channels.channel("workout")
    await channels.close()


async def test_a_served_domain_can_be_called_elsewhere_on_purpose() -> None:
    channels = directory(["workout"], channels={"workout": "127.0.0.1:1"})
    assert channels.target("workout") == "127.0.0.1:1"


async def test_the_in_process_channel_is_what_stands_behind() -> None:
    channels = directory(["workout"])
    inner: Any = channels.channel("workout")
    assert isinstance(inner._channel, InProcessChannel)
    await channels.close()


# The service's token


def test_a_renewed_token_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    source = FileServiceToken(path)
    assert source.token() == "first"
    path.write_text("second\n")
    os.utime(path, ns=(1, 2))
    assert source.token() == "second"
