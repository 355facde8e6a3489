"""The numbers of a summary under the names that file formats use for them."""

from __future__ import annotations

from pulsemesh.samples import CHANNELS
from pulsemesh.workout.v1 import workout_pb2

_OF_CHANNEL = {
    "heart_rate": ("avg_heart_rate_bpm", "max_heart_rate_bpm"),
    "cadence": ("avg_cadence_rpm", "max_cadence_rpm"),
    "power": ("avg_power_w", "max_power_w"),
    "temperature": ("avg_temperature_degc", "max_temperature_degc"),
}


def reported_totals(summary: workout_pb2.Summary) -> dict[str, float]:
    """Totals by the names of `ingest_edge.files.fit_profile.SESSION_TOTALS`, in the units of the names."""
    totals: dict[str, float] = {}
    for name, field, factor in (
        ("calories_kcal", "energy_kcal", 1),
        ("ascent_m", "elevation_gain_m", 1),
        ("descent_m", "elevation_loss_m", 1),
        ("avg_speed_mps", "average_speed_mps", 1),
        ("work_j", "work_kj", 1000),
        ("active_lengths", "lengths", 1),
    ):
        if summary.HasField(field):  # type: ignore[arg-type]
            totals[name] = getattr(summary, field) * factor
    for channel in summary.channels:
        spec = CHANNELS.get(channel.channel)
        if spec is None:
            continue
        if spec.name in _OF_CHANNEL:
            average, maximum = _OF_CHANNEL[spec.name]
            totals[average], totals[maximum] = channel.average, channel.maximum
        elif spec.name == "speed":
            totals["max_speed_mps"] = channel.maximum
        elif spec.name == "altitude":
            totals["min_altitude_m"], totals["max_altitude_m"] = channel.minimum, channel.maximum
    return totals
