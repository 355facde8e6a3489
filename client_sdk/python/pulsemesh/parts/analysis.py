"""What was computed of single workouts."""

from __future__ import annotations

from collections.abc import Iterable

from pulsemesh import samples
from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.parts.workouts import Channel
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import analysis_pb2, analysis_service_pb2, analysis_service_pb2_grpc

__all__ = ["Analyses"]


class Analyses:
    """The analyses of the workouts of the person who is signed in."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._stub = analysis_service_pb2_grpc.AnalysisServiceStub(channel.for_stub())

    async def get(self, workout_id: str) -> analysis_pb2.Analysis:
        """Return everything that was computed of a workout as it is now. Raises `NotFound`."""
        request = analysis_service_pb2.GetAnalysisRequest(workout_id=workout_id)
        return (await self._stub.GetAnalysis(request)).analysis

    async def curve(
        self, workout_id: str, channel: Channel = "power", durations_s: Iterable[int] = ()
    ) -> analysis_pb2.MeanMaximalCurve:
        """Return the mean-maximal curve of `power`, `heart_rate` or `speed`, by default at every second.

        Raises `NotFound`, and `ValueError` for a channel that there is not.
        """
        if isinstance(channel, str):
            spec = samples.CHANNEL_BY_NAME.get(channel)
            if spec is None:
                raise ValueError(
                    f"{channel}: no such channel; there are {', '.join(samples.CHANNEL_BY_NAME)}"
                )
            channel = channel_pb2.Channel.ValueType(spec.channel)
        request = analysis_service_pb2.GetCurveRequest(
            workout_id=workout_id, channel=channel, durations_s=durations_s
        )
        return (await self._stub.GetCurve(request)).curve
