"""Our numbers beside those that devices wrote into their own files: the table of differences.

For each session of `../shared/fit/expected.json` (what the official SDK reads from real files): timer,
distance, ascent, averages and maxima, normalised power, intensity factor, TSS and work, as far as the device
told them. Power is measured against the threshold that the file itself stores. Differences over 2 % are
explained, by the cause that was measured for each; one without a cause is marked, and the exit code is then
1.

    python -m benchmarks.device_sessions [--all]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest_edge.files.activity import Activity
from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.native_decoder import NativeDecoder
from ingest_edge.importer.translation import recording_of
from pulsemesh.type.v1 import channel_pb2
from services.workout import documents
from services.workout.codec import decode_batches
from services.workout.metrics import StretchMetrics, Thresholds, analyse
from services.workout.summary import Totals, build_track, summarise_track

FILES = Path(__file__).parents[2] / "shared" / "fit"
ALLOWED_PERCENT = 2.0
"""Differences up to this need no reason."""

_ROUNDING = {"intensity_factor": 0.0006, "training_stress_score": 0.06, "distance": 1.0}
_COARSE = 1.0  # devices tell most numbers as integers, and some cut the rest off

_FINER = "records hold at most 648 W, the device saw 668: it measures more often than it writes"
_UNWRITTEN = "records sum to 1,074 kJ and reach 1,178 W: the device counted samples that it did not write"
_BROKEN = "the file is broken: 4 minutes of 59 can be read"
_SYNTHETIC = "one record written 99,998 times: altitude and odometer stand still, speed stays at 8.33 m/s"
_OVERLAP = "its time overlaps two other sessions', and sea level is set anew within: no number of it fits"
_SHORT = "half a minute: the device took its totals a second apart from its records"
_GAPS = "17 of 132 records hold no power; the device's own work, average and TSS do not fit together either"
_ZEROS = "this device counts seconds at 0 rpm too; with them ours is "

REASONS: dict[tuple[str, int, str], str] = {
    **{
        ("2019-02-17-062644-ELEMNT-297E-195-0.fit", 0, name): _FINER
        for name in ("maximum_power", "normalized_power", "intensity_factor", "training_stress_score")
    },
    ("2019-02-17-062644-ELEMNT-297E-195-0.fit", 0, "ascent"): (
        "a flat ride of ripples: counting those from 3 or 4 m on gives +6 or -6 %"
    ),
    ("2019-02-17-062644-ELEMNT-297E-195-0.fit", 0, "average_cadence"): (
        "records reach 131 rpm on average over no stretch of a minute: the device is wrong"
    ),
    (
        "Edge810-Vector-2013-08-16-15-35-10.fit",
        0,
        "ascent",
    ): "rolling road: 15 s of smoothing instead of 10 give -1 %",
    ("Edge810-Vector-2013-08-16-15-35-10.fit", 0, "average_cadence"): _ZEROS + "87.2",
    ("activity-large-fenxi2-multisport.fit", 0, "distance"): _OVERLAP,
    ("activity-large-fenxi2-multisport.fit", 0, "ascent"): _OVERLAP,
    ("activity-large-fenxi2-multisport.fit", 1, "ascent"): "two metres of difference",
    ("activity-large-fenxi2-multisport.fit", 5, "ascent"): "four metres of difference",
    ("coros-pace-2-cycling-misaligned-fields.fit", 0, "ascent"): (
        "altitude in whole metres, so that each step counts: 30 s of smoothing give +1 %"
    ),
    **{
        ("elemnt-bolt-no-application-id-inside-developer-data-id.fit", 0, name): _GAPS
        for name in ("average_power", "training_stress_score", "work", "average_cadence")
    },
    ("elemnt-bolt-no-application-id-inside-developer-data-id.fit", 0, "ascent"): "a metre of difference",
    ("event_timestamp.fit", 0, "timer"): (
        "the events tell of one pause of 70 s, the device's totals of 196 s: we count what the events tell"
    ),
    (
        "garmin-edge-500-activity.fit",
        0,
        "ascent",
    ): "19 m up while the clock stood, which we do not count: with them -2.5 %",
    ("strava-android-app-201.10-b1218918.fit", 0, "distance"): _BROKEN,
    ("big_activity.fit", 0, "distance"): _SYNTHETIC,
    ("big_activity.fit", 0, "ascent"): _SYNTHETIC,
    (
        "activity_2944936628.fit",
        0,
        "ascent",
    ): "the altimeter drifts while the clock stood, which we leave out: with it +2 %",
    ("activity_2944936628.fit", 0, "average_cadence"): _ZEROS + "60.6",
    **{
        ("alexania.fit", 0, name): _UNWRITTEN
        for name in (
            *("average_power", "maximum_power", "normalized_power", "intensity_factor"),
            *("training_stress_score", "work"),
        )
    },
    ("loup-blanc.fit", 0, "average_cadence"): _ZEROS + "70.7",
    **{
        ("unterminated-strings.fit", 0, name): _SHORT
        for name in ("distance", "average_cadence", "average_power")
    },
}
"""Why a number differs by more than 2 %, by file, session and name: each cause was measured on the
samples."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One number of one session: the device's, ours."""

    file: str
    session: int
    name: str
    device: float
    ours: float | None

    @property
    def percent(self) -> float | None:
        """By how many per cent ours is above the device's; None when ours is absent."""
        if self.ours is None:
            return None
        return (
            (self.ours - self.device) / self.device * 100 if self.device else 0.0 if not self.ours else None
        )

    @property
    def agrees(self) -> bool:
        """Within 2 %, or within what the device rounds away."""
        if self.ours is None:
            return False
        if abs(self.ours - self.device) <= _ROUNDING.get(self.name, _COARSE):
            return True
        return self.percent is not None and abs(self.percent) <= ALLOWED_PERCENT

    @property
    def reason(self) -> str | None:
        """Why it differs, when it is known."""
        return REASONS.get((self.file.rpartition("/")[2], self.session, self.name))


def differences(name: str, expected: dict[str, Any], activity: Activity) -> Iterator[Difference]:
    """Every number that the device told of every session, beside ours."""
    for number, (told, ours) in enumerate(
        zip(expected["sessions"], measured(activity, expected), strict=False)
    ):
        for label, value in told_numbers(told):
            yield Difference(name, number, label, value, our_number(label, *ours))


def measured(activity: Activity, expected: dict[str, Any]) -> list[tuple[Totals, StretchMetrics]]:
    """Our summary and metrics of each session of a decoded file."""
    recording = recording_of(activity, "0" * 64, "comparison")
    sources = [decode_batches(one.SerializeToString() for one in batches) for _, batches in recording.sources]
    parts = documents.parts(recording.details)
    lengths = documents.lengths(recording.details)
    track = build_track(sources, start_ms=activity.start_time_ms, sessions=parts, lengths=lengths)
    sport = parts[0].sport if parts else 0
    threshold = next(
        (one["threshold_power"] for one in expected["sessions"] if one.get("threshold_power")), None
    )
    metrics = analyse(
        track,
        sport=sport,
        sub_sport=0,
        sessions=parts,
        thresholds=Thresholds(functional_threshold_power_w=threshold),
        start_ms=activity.start_time_ms,
    )
    summary = summarise_track(track, sport=sport, sub_sport=0, sessions=parts)
    stretches = metrics.sessions or (metrics.whole,)
    return [(totals, metric) for (_, totals), metric in zip(summary.sessions, stretches, strict=True)]


def told_numbers(session: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """What the device told, by our names; a 0 of a channel that it did not have is nothing."""
    names = {
        "total_timer_time": "timer",
        "total_distance": "distance",
        "total_ascent": "ascent",
        "avg_heart_rate": "average_heart_rate",
        "max_heart_rate": "maximum_heart_rate",
        "avg_cadence": "average_cadence",
        "avg_power": "average_power",
        "max_power": "maximum_power",
        "normalized_power": "normalized_power",
        "intensity_factor": "intensity_factor",
        "training_stress_score": "training_stress_score",
        "total_work": "work",
    }
    for told, name in names.items():
        value = session.get(told)
        if value:
            yield name, float(value) / (1000 if name == "work" else 1)


def our_number(name: str, totals: Totals, metrics: StretchMetrics) -> float | None:
    """The number of ours that stands for what the device told."""
    load = metrics.load
    channels = {each.channel: each for each in totals.channels}
    rate = channels.get(channel_pb2.CHANNEL_HEART_RATE)
    power = channels.get(channel_pb2.CHANNEL_POWER)
    return {
        "timer": totals.timer_s,
        "distance": totals.distance_m,
        "ascent": totals.elevation_gain_m,
        "average_heart_rate": None if rate is None else rate.average,
        "maximum_heart_rate": None if rate is None else rate.maximum,
        "average_cadence": load.average_cadence_rpm,
        "average_power": load.average_power_w,
        "maximum_power": None if power is None else power.maximum,
        "normalized_power": load.normalized_power_w,
        "intensity_factor": load.intensity_factor,
        "training_stress_score": load.training_stress_score,
        "work": load.work_kj,
    }[name]


def every_difference(files: Path = FILES, *, largest_records: int = 10**9) -> Iterator[Difference]:
    """Of every file that holds a session, that can be read and that has at most so many records."""
    decoder = NativeDecoder()
    for name, expected in sorted(json.loads((files / "expected.json").read_text()).items()):
        if not expected["sessions"] or expected["records"] > largest_records:
            continue
        try:
            activity = decoder.decode(files / name)
        except UnreadableFile as refusal:
            print(f"{name}: {refusal}", file=sys.stderr)
            continue
        yield from differences(name, expected, activity)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="also those that agree")
    chosen = parser.parse_args(arguments)
    if not FILES.exists():
        print("the sample files lie beside the repository, and are not there")
        return
    found = list(every_difference())
    print(f"{'file':44}{'':>3} {'number':22}{'device':>10}{'ours':>10}{'%':>8}  why")
    for one in found:
        if chosen.all or not one.agrees:
            show(one)
    agreeing = sum(one.agrees for one in found)
    unexplained = [one for one in found if not one.agrees and one.reason is None]
    print(
        f"\n{agreeing} of {len(found)} numbers within {ALLOWED_PERCENT:.0f} % or the device's rounding, ",
        end="",
    )
    print(f"{len(found) - agreeing - len(unexplained)} others explained, {len(unexplained)} not")
    if unexplained:
        sys.exit(1)


def show(one: Difference) -> None:
    """One line of the table."""
    ours = "absent" if one.ours is None else f"{one.ours:.2f}"
    percent = "" if one.percent is None else f"{one.percent:+.1f}"
    why = "" if one.agrees else one.reason or "UNEXPLAINED"
    name = one.file.split("/")[-1][:43]
    print(f"{name:44}{one.session:>3} {one.name:22}{one.device:>10.2f}{ours:>10}{percent:>8}  {why}")


if __name__ == "__main__":
    main()
