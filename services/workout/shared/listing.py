"""The workouts of a person that another may see, page by page.

Order and pages depend on nothing but what is seen: by the visible day, and within a day by the shared id.
What is not seen leaves no gap, no short page and no empty last one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pulsemesh.workout.v1.shared_workout_service_pb2 import SharedWorkout
from services.chassis.errors import PageTokenInvalid
from services.workout.shared import store
from services.workout.shared.looking import Looking
from services.workout.shared.seen import DAY_MS
from services.workout.shared.sight import Sight

BATCH = 50

LATEST_DAYS = 2
"""So many days later than it began a workout may be listed, at most: what others see of it begins later."""

_END_OF_TIME_MS = 2**62
_TOKEN = re.compile(r"(\d{1,8})\.([a-z2-7]{26})", re.ASCII)
_PARTS = ("sessions", "laps", "lengths")

_Place = tuple[int, str]
"""Days since 1970, negated so that the latest is least, and the shared id."""


@dataclass(slots=True)
class _Gathered:
    """What was found so far beyond a place, and from when on everything was."""

    workouts: dict[_Place, SharedWorkout] = field(default_factory=dict)
    complete_from_day: int = 2**40


class Listing:
    """Lists."""

    def __init__(self, looking: Looking) -> None:
        self._database, self._sights, self._names = looking.database, looking.sights, looking.names
        self._looking = looking

    async def page(
        self, viewer_id: str, owner_id: str, token: str, size: int
    ) -> tuple[list[SharedWorkout], str]:
        """At most `size` workouts beyond a token, and the token of the next page.

        Raises:
            PageTokenInvalid
        """
        after = _read(token)
        gathered = await self._gather(await self._sights.of(viewer_id, owner_id), owner_id, after, size + 1)
        places = sorted(gathered.workouts)
        shown = [gathered.workouts[place] for place in places[:size]]
        return shown, _write(places[size - 1]) if len(places) > size else ""

    async def _gather(self, sight: Sight, owner_id: str, after: _Place | None, wanted: int) -> _Gathered:
        """Go back in time until so many are certain."""
        gathered = _Gathered()
        names = await self._names.workouts()
        before = (_END_OF_TIME_MS if after is None else (-after[0] + 1) * DAY_MS, 0)
        while sum(-place[0] >= gathered.complete_from_day for place in gathered.workouts) < wanted:
            async with self._database.read() as view:
                rows = await view.run(store.page, owner_id, before, BATCH)
            for row in rows:
                found = self._looking.seen(sight, row, names.write(row.workout_pk))
                if found is None:
                    continue
                workout = await self._looking.described(found)
                place = (-_listed_day(workout, row.start_ms), workout.shared_id)
                if after is None or place > after:
                    gathered.workouts[place] = _short(workout)
            if len(rows) < BATCH:
                break
            before = (rows[-1].start_ms, rows[-1].workout_pk)
            gathered.complete_from_day = before[0] // DAY_MS + LATEST_DAYS + 1
        return gathered


def _listed_day(workout: SharedWorkout, start_ms: int) -> int:
    return min(workout.start_time.ToMilliseconds() // DAY_MS, start_ms // DAY_MS + LATEST_DAYS)


def _short(workout: SharedWorkout) -> SharedWorkout:
    for name in _PARTS:
        workout.ClearField(name)  # type: ignore[arg-type]
    return workout


def _write(place: _Place) -> str:
    return f"{-place[0]}.{place[1]}"


def _read(token: str) -> _Place | None:
    if not token:
        return None
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        raise PageTokenInvalid
    return -int(parts[1]), parts[2]
