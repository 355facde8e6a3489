"""A blocking client (pytest-grpc's stub) against async servicers behind the pipeline."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from pulsemesh.auth.v1 import development_issuer_service_pb2 as messages
from pulsemesh.auth.v1 import development_issuer_service_pb2_grpc as service
from services.auth.identity import development_user_id
from services.auth.issuer import DevelopmentIssuer
from services.auth.servicers import DevelopmentIssuerServicer
from services.chassis.pipeline import PipelinePorts
from tests.fixtures.workout_servicers import ports


@pytest.fixture(scope="module")
def grpc_add_to_server() -> Any:
    return service.add_DevelopmentIssuerServiceServicer_to_server


@pytest.fixture(scope="module")
def grpc_servicer() -> Iterator[Any]:
    with tempfile.TemporaryDirectory() as directory:
        issuer = DevelopmentIssuer(Path(directory), cell="eu", issuer="pulsemesh-eu")
        yield DevelopmentIssuerServicer(issuer)


@pytest.fixture(scope="module")
def grpc_stub_cls() -> Any:
    return service.DevelopmentIssuerServiceStub


@pytest.fixture(scope="module")
def grpc_ports() -> PipelinePorts:
    return ports()


def test_a_blocking_stub_gets_its_answer(grpc_stub: Any) -> None:
    response = grpc_stub.CreateAccessToken(messages.CreateAccessTokenRequest(login="ann"))
    assert response.user_id == development_user_id("eu", "ann")


def test_a_blocking_stub_gets_a_typed_error(grpc_stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        grpc_stub.CreateAccessToken(messages.CreateAccessTokenRequest(login="A B"))
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "login" in error.details()


def test_the_channel_can_be_used_bare(grpc_channel: Any) -> None:
    call = grpc_channel.unary_unary("/pulsemesh.none.v1.NoService/None")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"")
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
