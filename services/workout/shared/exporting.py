"""The visible track of another person's workout as a GPX file. Not for the event loop."""

from __future__ import annotations

from ingest_edge.files.activity import Activity, DeviceIdentity, SampleTable, SessionPart
from ingest_edge.files.writers import UnsuitableFormat, check_gpx, write_gpx
from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1.shared_workout_service_pb2 import SharedWorkout
from services.workout.codec import SampleColumns
from services.workout.exporting.errors import FormatUnsuitable

MEDIA_TYPE = "application/gpx+xml"

_APART = frozenset({int(channel_pb2.CHANNEL_MARKER), int(channel_pb2.CHANNEL_RR_INTERVAL)})


def gpx_of(workout: SharedWorkout, samples: SampleColumns) -> bytes:
    """The file.

    Args:
        workout, samples: as they are seen, the samples on one axis of time.

    Raises:
        FormatUnsuitable: no position is seen.
    """
    activity = _activity(workout, samples)
    try:
        check_gpx(activity)
        written = write_gpx(activity, title=workout.title, notes=workout.notes)
    except UnsuitableFormat as unsuitable:
        raise FormatUnsuitable.of(unsuitable) from unsuitable
    return written if isinstance(written, bytes) else b"".join(written)


def _activity(workout: SharedWorkout, samples: SampleColumns) -> Activity:
    start_ms = workout.start_time.ToMilliseconds()
    end_ms = int(samples.times_ms[-1]) if len(samples) else start_ms
    elapsed_s = (end_ms - start_ms) / 1000
    session = SessionPart(
        sport=sport_pb2.Sport.Name(workout.sport),
        sub_sport=sport_pb2.SubSport.Name(workout.sub_sport),
        start_ms=start_ms,
        end_ms=end_ms,
        elapsed_s=elapsed_s,
        timer_s=elapsed_s,
        distance_m=None,
        pool_length_m=None,
        reported={},
    )
    return Activity(
        file_kind="activity",
        device=DeviceIdentity(),
        start_time_ms=start_ms,
        sessions=(session,),
        laps=(),
        lengths=(),
        markers=(),
        tables=(_table(samples),) if len(samples) else (),
        losses=(),
    )


def _table(samples: SampleColumns) -> SampleTable:
    told = {
        CHANNELS[channel].name: column
        for channel, column in samples.columns.items()
        if channel in CHANNELS and channel not in _APART
    }
    return SampleTable(
        "record",
        samples.times_ms,
        {name: column.values for name, column in told.items()},
        {name: column.present for name, column in told.items()},
    )
