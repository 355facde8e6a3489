"""What the platform made of a recording, for people."""

from __future__ import annotations

from ingest_edge.cli.output import Output, duration
from pulsemesh.client import Client
from pulsemesh.errors import PulsemeshError
from pulsemesh.samples import CHANNELS
from pulsemesh.workout.v1 import workout_pb2

_LISTED = ("heart_rate", "power", "cadence", "speed")


async def say_workout(output: Output, client: Client, workout_id: str) -> None:
    """Print the workout's numbers; only its id where we may not read them."""
    if not workout_id:
        output.line("The platform has everything of ours and waits for other devices of this recording.")
        return
    output.line(f"Workout {workout_id}")
    try:
        workout = await client.workouts.get(workout_id)
    except PulsemeshError:
        # A gateway's token may be good for sending only.
        return
    for line in _lines(workout.summary):
        output.line(f"  {line}")


def _lines(summary: workout_pb2.Summary) -> list[str]:
    lines = []
    if summary.HasField("elapsed_s"):
        lines.append(f"time      {duration(summary.elapsed_s)}, moving {duration(summary.moving_s)}")
    if summary.HasField("distance_m"):
        lines.append(f"distance  {summary.distance_m / 1000:.2f} km")
    if summary.HasField("energy_kcal"):
        lines.append(f"energy    {summary.energy_kcal:.0f} kcal")
    for channel in summary.channels:
        spec = CHANNELS.get(channel.channel)
        if spec is not None and spec.name in _LISTED:
            factor, unit = (3.6, "km/h") if spec.name == "speed" else (1.0, spec.unit)
            lines.append(
                f"{spec.name.replace('_', ' '):<9} {channel.average * factor:.1f} {unit} on average, "
                f"{channel.maximum * factor:.1f} at most"
            )
    return lines
