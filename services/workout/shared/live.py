"""What of live numbers another person sees: a filter with a memory, for one watcher. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1.recording_service_pb2 import LiveValue
from services.chassis.privacy import View, show_channels
from services.chassis.privacy.tracks import KNOWN_FOR_MS, inside
from services.workout.shared.aspects import CHANNEL_NEEDS
from services.workout.streams.merging import LATITUDE, LONGITUDE

_MARKER = int(channel_pb2.CHANNEL_MARKER)
_Series = tuple[str, int]


class LiveFilter:
    """Lets through what a view shows, while the person is known to be outside of every circle."""

    def __init__(self, *, positioned: bool) -> None:
        """`positioned` says that some source tells positions: until the first, nobody knows where."""
        self._positioned = positioned
        self._outside_at_ms: int | None = None
        self._hidden = positioned
        # How often it became visible; per counter: when it was last held, and what is taken off it since.
        self._shown_again = 0
        self._held: dict[_Series, tuple[int, float]] = {}
        self._told: dict[_Series, float] = {}

    @property
    def hidden(self) -> bool:
        """Whether nothing is shown now, for where the person is or may be."""
        return self._hidden

    def show(self, view: View, values: Sequence[LiveValue]) -> list[LiveValue]:
        """What is seen of new values: one a channel, the newest, without its source."""
        cut = bool(view.circles) and self._positioned
        was_hidden, self._hidden = self._hidden, cut and not self._known_outside(view, values)
        if self._hidden:
            return []
        self._shown_again += was_hidden and cut
        shown = show_channels(view, {value.channel for value in values}, CHANNEL_NEEDS) - {_MARKER}
        newest: dict[int, LiveValue] = {}
        for value in values:
            if value.channel in shown:
                seen = LiveValue(channel=value.channel, value=self._counted(value), time_ms=value.time_ms)
                if value.channel not in newest or newest[value.channel].time_ms <= seen.time_ms:
                    newest[value.channel] = seen
        return [newest[channel] for channel in sorted(newest)]

    def _known_outside(self, view: View, values: Iterable[LiveValue]) -> bool:
        """True where every position is outside, or the last was a moment ago."""
        values = list(values)
        latitudes = {each.source_id: each for each in values if each.channel == LATITUDE}
        longitudes = {each.source_id: each for each in values if each.channel == LONGITUDE}
        sources = latitudes.keys() & longitudes.keys()
        if sources:
            degrees = [
                np.array([each[source].value for source in sorted(sources)])
                for each in (latitudes, longitudes)
            ]
            if inside(view.circles, degrees[0], degrees[1]).any():
                self._outside_at_ms = None
                return False
            self._outside_at_ms = max(latitudes[source].time_ms for source in sources)
        if self._outside_at_ms is None:
            return False
        now_ms = max((each.time_ms for each in values), default=self._outside_at_ms)
        return now_ms - self._outside_at_ms <= KNOWN_FOR_MS

    def _counted(self, value: LiveValue) -> float:
        """A counter stands still while it is hidden, and begins at zero where anything was."""
        series = (value.source_id, int(value.channel))
        if not self._shown_again or not _counts(value.channel):
            return value.value
        held_at, taken = self._held.get(series, (0, 0.0))
        if held_at < self._shown_again:
            taken = value.value - self._told.get(series, 0.0)
            self._held[series] = (self._shown_again, taken)
        self._told[series] = value.value - taken
        return self._told[series]


def _counts(channel: int) -> bool:
    return channel in CHANNELS and CHANNELS[channel].cumulative
