"""Rides along made-up roads, and the background work done when a test says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ingest_edge.simulator.athlete import Loop
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import comparison_service_pb2_grpc, segment_service_pb2_grpc
from tests.fixtures.gps import covered, positions
from tests.integration.services.workout.conftest import HEART_RATE, POWER, START_MS, Rig, Sent

LATITUDE = int(channel_pb2.CHANNEL_LATITUDE)
LONGITUDE = int(channel_pb2.CHANNEL_LONGITUDE)
ALTITUDE = int(channel_pb2.CHANNEL_ALTITUDE)
SEMICIRCLES = 2**31 / 180
DAY_MS = 86_400_000

on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is decided before, or after, the database is asked."""


def segments(rig: Rig) -> Any:
    return segment_service_pb2_grpc.SegmentServiceStub(rig.channel)


def comparisons(rig: Rig) -> Any:
    return comparison_service_pb2_grpc.ComparisonServiceStub(rig.channel)


def ridden(
    road: Loop,
    *,
    speed_mps: float = 8.0,
    start_m: float = 0.0,
    length_m: float | None = None,
    day: int = 0,
    reverse: bool = False,
    heart_rate: int = 140,
    power: int = 180,
) -> Sent:
    """A ride with a position, heart rate, power and altitude every second."""
    distance = covered(start_m, length_m or road.length_m, speed_mps)
    latitude, longitude = positions(road, distance[::-1] if reverse else distance, noise_m=3.0, seed=day)
    times = [START_MS + day * DAY_MS + second * 1000 for second in range(len(distance))]
    return Sent(
        "bike computer",
        times,
        {
            LATITUDE: np.rint(latitude * SEMICIRCLES).astype(int).tolist(),
            LONGITUDE: np.rint(longitude * SEMICIRCLES).astype(int).tolist(),
            ALTITUDE: np.rint(road.altitude_m(distance) * 10).astype(int).tolist(),
            HEART_RATE: [heart_rate] * len(times),
            POWER: [power] * len(times),
        },
    )


async def record(rig: Rig, sent: Sent, *, sport: int = sport_pb2.SPORT_CYCLING, work: bool = True) -> str:
    """Record a ride, and do what follows in the background; the workout's id."""
    _, response = await rig.append([sent], sport=sport, start_ms=sent.times_ms[0])
    if work:
        await work_off(rig)
    return str(response.closed.workout_id)


async def work_off(rig: Rig) -> None:
    """Do all background work that waits."""
    tasks = {task.name: task for task in rig.background}
    while sum(
        [await tasks[name].work() for name in ("workout analysis", "workout routes", "workout segments")]
    ):
        pass
