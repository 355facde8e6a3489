"""Curves in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from pulsemesh.cli.formats import duration
from pulsemesh.streams import Streams, unit_of

__all__ = ["USUAL_CHANNELS", "plot"]

USUAL_CHANNELS = ("heart_rate", "power", "speed", "altitude", "cadence")
"""What is drawn where nobody asks for something else, in this order."""

_TICKS = 6


def plot(streams: Streams, channel: str, *, width: int, height: int = 12, colour: bool = False) -> str:
    """Return the curve of one channel over elapsed time. Raises `KeyError` where it has no value."""
    import plotext  # noqa: PLC0415  # slow to import, and most commands draw nothing

    series = streams.of(channel)
    times_ms, values = series.present(channel)
    start = min(one.times_ms[0] for one in streams if one.times_ms)
    elapsed = [(time - start) / 1000 for time in times_ms]
    figure = plotext.figure
    # plotext draws on one figure of its own; whatever was on it goes.
    figure.clear()
    try:
        figure.plot_size(width, height)
        curve = figure.signal(elapsed, values, marker="braille")
        curve.lines()
        figure.draw(curve)
        figure.title(f"{channel.replace('_', ' ')} ({unit_of(channel)})")
        positions = _ticks(elapsed)
        figure.ruler("x", "lower").ticks(positions, [duration(position) for position in positions])
        return str(figure.build().string(not colour))
    finally:
        figure.clear()


def _ticks(elapsed: Sequence[float]) -> list[float]:
    """Return evenly spread positions on the axis of time, its ends included."""
    first, last = elapsed[0], elapsed[-1]
    if last <= first:
        return [first]
    return [first + (last - first) * step / (_TICKS - 1) for step in range(_TICKS)]
