"""From wrapping revolution counters to cadence, speed and distance.

A sensor tells how often its wheel or crank has turned since ever, and when the last turn ended, both in
fields that wrap. Differences are taken modulo each field's own width; a moment without a turn is not a slow
turn, so the rate is held for three seconds and then falls to zero; what cannot be told apart from a wrap
starts a new baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest_edge.sensors.gatt import RevolutionData

EVENT_TIME_BITS = 16
IDLE_AFTER_S = 3.0
"""No turn for this long means standing still."""
MAXIMUM_WHEEL_HZ = 25.0
"""Turns a second that no wheel exceeds: 190 km/h on a 700C tyre."""
MAXIMUM_CRANK_HZ = 5.0
"""Turns a second that no crank exceeds: 300 rpm."""
DEFAULT_WHEEL_CIRCUMFERENCE_M = 2.105
"""A 700x25C tyre."""


@dataclass(frozen=True, slots=True)
class RevolutionUpdate:
    """What one notification says about a rotation.

    Attributes:
        rate_hz: turns a second; None while it is unknown (after a new baseline).
        turns: full turns since the previous notification; None when this notification is a new baseline.
    """

    rate_hz: float | None
    turns: int | None


class RevolutionRate:
    """The rate of one wheel or crank. Times of arrival are seconds of any steady clock."""

    def __init__(
        self,
        *,
        ticks_per_second: int,
        revolution_bits: int,
        maximum_hz: float,
        idle_after_s: float = IDLE_AFTER_S,
    ) -> None:
        self._ticks_per_second = ticks_per_second
        self._revolution_modulus = 1 << revolution_bits
        self._maximum_hz = maximum_hz
        self._idle_after_s = idle_after_s
        self._wrap_period_s = (1 << EVENT_TIME_BITS) / ticks_per_second
        self._rate_hz: float | None = None
        self._last: RevolutionData | None = None
        self._last_arrival_s = 0.0
        self._last_turn_s = 0.0

    def reset(self) -> None:
        """Forget the baseline, as after a reconnect: the sensor may have restarted its counters meanwhile."""
        self._last = None
        self._rate_hz = None

    def update(self, data: RevolutionData, arrival_s: float) -> RevolutionUpdate:
        """Take the counters of a notification that arrived at ``arrival_s``."""
        last, since_last_s = self._last, arrival_s - self._last_arrival_s
        self._last_arrival_s = arrival_s
        if last is None or since_last_s >= self._wrap_period_s:
            return self._new_baseline(data, arrival_s)
        turns = (data.cumulative_revolutions - last.cumulative_revolutions) % self._revolution_modulus
        if turns == 0:
            # Some sensors move the event time on without a turn: the baseline stays at the last real one.
            return RevolutionUpdate(self._held_rate(arrival_s), 0)
        return self._turned(data, last, turns, arrival_s)

    def fell_idle(self, now_s: float) -> bool:
        """Tell once, for a sensor that falls silent instead of repeating itself, that the rate has become
        zero.
        """
        was_turning = bool(self._rate_hz)
        return was_turning and self._held_rate(now_s) == 0.0

    def _turned(
        self, data: RevolutionData, last: RevolutionData, turns: int, arrival_s: float
    ) -> RevolutionUpdate:
        ticks = (data.last_event_time - last.last_event_time) % (1 << EVENT_TIME_BITS)
        pause_s = arrival_s - self._last_turn_s
        if pause_s >= self._wrap_period_s:
            # The pause may hide wraps of the event time, so the turns count but their rate is unknown.
            self._accept(data, arrival_s, None)
            return RevolutionUpdate(None, turns)
        if turns * self._ticks_per_second > ticks * self._maximum_hz:
            # A counter that jumped, ran backwards or restarted.
            return self._new_baseline(data, arrival_s)
        self._accept(data, arrival_s, turns * self._ticks_per_second / ticks)
        return RevolutionUpdate(self._rate_hz, turns)

    def _new_baseline(self, data: RevolutionData, arrival_s: float) -> RevolutionUpdate:
        self._accept(data, arrival_s, None)
        return RevolutionUpdate(None, None)

    def _accept(self, data: RevolutionData, arrival_s: float, rate_hz: float | None) -> None:
        self._last, self._last_turn_s, self._rate_hz = data, arrival_s, rate_hz

    def _held_rate(self, now_s: float) -> float | None:
        if now_s - self._last_turn_s >= self._idle_after_s:
            self._rate_hz = 0.0
        return self._rate_hz


class CrankCadence:
    """Cadence in rpm from a crank's counters (16-bit revolutions, event time in 1/1024 s)."""

    def __init__(self, *, ticks_per_second: int = 1024) -> None:
        self.rotation = RevolutionRate(
            ticks_per_second=ticks_per_second, revolution_bits=16, maximum_hz=MAXIMUM_CRANK_HZ
        )

    def update(self, data: RevolutionData, arrival_s: float) -> tuple[float | None, int | None]:
        """Return cadence in rpm (None while unknown) and the turns since the last notification."""
        update = self.rotation.update(data, arrival_s)
        return (None if update.rate_hz is None else update.rate_hz * 60.0), update.turns


class WheelSpeed:
    """Speed in m/s and distance in m from a wheel's counters (32-bit revolutions).

    Args:
        circumference_m: distance of one turn in metres.
        ticks_per_second: 1024 for 2A5B, 2048 for 2A63.
    """

    def __init__(
        self, *, circumference_m: float = DEFAULT_WHEEL_CIRCUMFERENCE_M, ticks_per_second: int = 1024
    ) -> None:
        if circumference_m <= 0:
            raise ValueError("a wheel's circumference is positive")
        self.rotation = RevolutionRate(
            ticks_per_second=ticks_per_second, revolution_bits=32, maximum_hz=MAXIMUM_WHEEL_HZ
        )
        self._circumference_m = circumference_m
        self._turns = 0

    @property
    def distance_m(self) -> float:
        """Metres since this object was made; turns during a lost connection are not in it."""
        return self._turns * self._circumference_m

    def update(self, data: RevolutionData, arrival_s: float) -> tuple[float | None, int | None]:
        """Return speed in m/s (None while unknown) and the turns since the last notification."""
        update = self.rotation.update(data, arrival_s)
        self._turns += update.turns or 0
        return (None if update.rate_hz is None else update.rate_hz * self._circumference_m), update.turns


class TorqueMean:
    """Mean torque in N m from an accumulated torque (1/32 N m, 16 bits) and the turns of its source."""

    def __init__(self) -> None:
        self._last_ticks: int | None = None

    def reset(self) -> None:
        """Forget the baseline."""
        self._last_ticks = None

    def update(self, ticks: int, turns: int | None) -> float | None:
        """Return the mean torque over the new turns; None without a baseline or without a new turn."""
        last = self._last_ticks
        if turns == 0 and last is not None:
            return None
        self._last_ticks = ticks
        if last is None or not turns:
            return None
        return ((ticks - last) % 0x10000) / 32 / turns
