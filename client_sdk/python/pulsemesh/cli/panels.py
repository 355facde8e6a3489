"""What of a workout is drawn, as panels of a chart."""

from __future__ import annotations

from collections.abc import Sequence

from pulsemesh import samples
from pulsemesh.cli.drawing import Line, Panel
from pulsemesh.streams import Streams, unit_of
from pulsemesh.workout.v1 import analysis_pb2, workout_pb2

__all__ = ["USUAL_CHANNELS", "analysis_panels", "channels_of", "stream_panel"]

USUAL_CHANNELS = ("heart_rate", "power", "speed", "altitude", "cadence")
"""What is drawn where nobody asks for something else, in this order."""


def channels_of(workout: workout_pb2.Workout) -> set[str]:
    """Return the names of the channels that the summary knows."""
    specs = [samples.CHANNELS.get(channel.channel) for channel in workout.summary.channels]
    return {spec.name for spec in specs if spec is not None}


def stream_panel(streams: Streams, channel: str) -> Panel:
    """Return the curve of one channel over elapsed time; empty where it has no value."""
    title = channel.replace("_", " ")
    try:
        series = streams.of(channel)
    except KeyError:
        return Panel(title, unit_of(channel))
    start = min(one.times_ms[0] for one in streams if one.times_ms)
    elapsed = [(time - start) / 1000 for time in series.times_ms]
    return Panel(title, unit_of(channel), [Line(title, elapsed, series.columns[channel])])


def analysis_panels(analysis: analysis_pb2.Analysis) -> Sequence[Panel]:
    """Return what an analysis has to draw: mean-maximal curves and W' balance."""
    panels = [_curve_panel(curve) for curve in analysis.curves if curve.values]
    if analysis.HasField("w_prime_balance"):
        balance = analysis.w_prime_balance
        elapsed = [index * balance.step_s for index in range(len(balance.balance_j))]
        kilojoules = [value / 1000 for value in balance.balance_j]
        panels.append(Panel("W' balance", "kJ", [Line("W' balance", elapsed, kilojoules, "area")]))
    return panels


def _curve_panel(curve: analysis_pb2.MeanMaximalCurve) -> Panel:
    spec = samples.CHANNELS.get(curve.channel)
    title, unit = (spec.name.replace("_", " "), spec.unit) if spec is not None else ("channel", "")
    line = Line(f"best {title}", list(curve.durations_s), list(curve.values))
    return Panel(f"best {title} by duration", unit, [line], "duration")
