"""Every method of every contract × everybody who might call: the answer that the contract promises."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor

from services.chassis.policy import MethodInfo
from tests.security.callers import CALLERS
from tests.security.calling import Answer, call
from tests.security.expectations import (
    REFUSALS,
    Caller,
    Expected,
    expected,
    expected_at_the_gateway,
)
from tests.security.overrides import request_for
from tests.security.target import Target

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 16
Promise = Callable[[MethodDescriptor, Caller], Expected]
OF_METHODS_TOO = {"ACCESS_DENIED", "PEER_NOT_CERTIFIED", "SESSION_ENDED"}
"""Reasons that a method may have of its own: a refresh token whose session is over."""
_BROKEN = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS}


def descriptor_of(method: MethodInfo) -> MethodDescriptor:
    return descriptor_pool.Default().FindMethodByName(f"{method.service}.{method.name}")


def difference(wanted: Expected, answer: Answer) -> str:
    """What is wrong with an answer; empty when it is as promised."""
    if answer.code in _BROKEN:
        return f"broke: {answer} {answer.content[:200]!r}"
    if not wanted.admitted:
        right = (answer.code, answer.reason) == (wanted.code, wanted.reason)
        return "" if right else f"wanted {wanted.code} {wanted.reason}, got {answer}"
    if answer.reason in REFUSALS - OF_METHODS_TOO:
        return f"wanted to be let in, got {answer}"
    return ""


async def one(
    target: Target, channel: grpc.aio.Channel, name: str, method: MethodInfo, promise: Promise
) -> str:
    calling = CALLERS[name](target.mint, method)
    wanted = promise(descriptor_of(method), calling.caller)
    answer = await call(channel, method, request_for(method), calling.metadata, may_stay_open=wanted.admitted)
    problem = difference(wanted, answer)
    return f"{name} at {method.path}: {problem}" if problem else ""


async def problems_of(
    target: Target,
    channel: grpc.aio.Channel,
    name: str,
    promise: Promise,
    methods: list[MethodInfo] | None = None,
) -> list[str]:
    """What is wrong with the answers to one caller, at every method."""
    room = asyncio.Semaphore(AT_ONCE)

    async def limited(method: MethodInfo) -> str:
        async with room:
            return await one(target, channel, name, method, promise)

    problems = await asyncio.gather(*(limited(method) for method in methods or target.methods))
    return [problem for problem in problems if problem]


def one_of_each_policy(methods: list[MethodInfo]) -> list[MethodInfo]:
    """A method for each kind of policy and shape of each domain."""
    found: dict[object, MethodInfo] = {}
    for method in methods:
        policy = method.policy
        assert policy is not None
        shape = (method.client_streaming, method.server_streaming)
        found.setdefault((method.domain, policy.access, policy.scopes, policy.staff_roles, shape), method)
    return list(found.values())


@pytest.mark.parametrize("name", CALLERS)
async def test_at_every_method(target: Target, name: str) -> None:
    assert await problems_of(target, target.channel, name, expected) == []


@pytest.mark.parametrize("name", CALLERS)
async def test_at_every_kind_of_method_through_the_gateway(
    target: Target, gateway: grpc.aio.Channel, name: str
) -> None:
    methods = one_of_each_policy(target.methods)
    assert await problems_of(target, gateway, name, expected_at_the_gateway, methods) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLERS)
async def test_at_every_method_through_the_gateway(
    target: Target, gateway: grpc.aio.Channel, name: str
) -> None:
    assert await problems_of(target, gateway, name, expected_at_the_gateway) == []


async def test_a_method_that_nobody_serves_is_not_there_for_anybody(target: Target) -> None:
    for path in target.unserved:
        unserved: Any = target.channel.unary_unary(path)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await unserved(b"", timeout=20)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
