"""What a summary is asked about: stretches, laps, lengths; and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from services.workout.summary.channels import ChannelRange


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one sport, with what the device itself reported of it (0: nothing)."""

    sport: int
    sub_sport: int
    start_ms: int
    end_ms: int
    pool_length_m: float = 0.0
    reported_distance_m: float = 0.0
    reported_timer_s: float = 0.0
    reported_energy_kcal: float = 0.0


@dataclass(frozen=True, slots=True)
class Lap:
    """A lap; `trigger` is a `LapTrigger`."""

    start_ms: int
    end_ms: int
    trigger: int


@dataclass(frozen=True, slots=True)
class Length:
    """A length of a pool, or (not active) a rest; `stroke` is a `SwimStroke`."""

    start_ms: int
    end_ms: int
    active: bool
    strokes: int
    stroke: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """The numbers of a stretch; None where they cannot be computed."""

    elapsed_s: float | None = None
    timer_s: float | None = None
    moving_s: float | None = None
    distance_m: float | None = None
    elevation_gain_m: float | None = None
    elevation_loss_m: float | None = None
    average_speed_mps: float | None = None
    energy_kcal: float | None = None
    work_kj: float | None = None
    channels: tuple[ChannelRange, ...] = ()
    lengths: int | None = None
    strokes: int | None = None


@dataclass(frozen=True, slots=True)
class WorkoutSummary:
    """All numbers of a workout.

    Attributes:
        start_ms, end_ms: what it covers: samples, and the parts and laps that the device told.
    """

    start_ms: int
    end_ms: int
    whole: Totals
    sessions: tuple[tuple[Part, Totals], ...]
    laps: tuple[tuple[Lap, Totals], ...]
