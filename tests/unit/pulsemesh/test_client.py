from __future__ import annotations

import asyncio

import grpc.aio
import pytest

from pulsemesh import Client, connect
from tests.unit.pulsemesh.peers import Platform


def test_connecting_outside_of_an_event_loop_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"pulsemesh\.sync\.connect"):
        connect("localhost")


async def test_a_client_connects_with_its_first_call_and_not_before() -> None:
    async with connect("127.0.0.1:1") as client:
        assert isinstance(client, Client)


async def test_closing_twice_changes_nothing(platform: Platform) -> None:
    client = connect(platform.target, "t")
    await client.close()
    await client.close()


async def test_a_closed_client_takes_no_calls(platform: Platform) -> None:
    client = connect(platform.target, "t")
    await client.close()
    with pytest.raises(grpc.aio.UsageError):
        await client.workouts.delete("0" * 26)


async def test_many_calls_share_one_connection(platform: Platform, client: Client) -> None:
    await asyncio.gather(*[client.workouts.delete("0" * 26) for _ in range(50)])
    assert len(platform.script.seen("DeleteWorkout")) == 50
    ids = {call.metadata["x-request-id"] for call in platform.script.calls}
    assert len(ids) == 50
