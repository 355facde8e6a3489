"""How workouts of a person came of others, as an archive tells it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from pulsemesh.workout.v1 import archive_pb2
from services.workout.revisions import derivation_store
from services.workout.revisions.derivation_store import Role, StoredDerivation
from services.workout.revisions.deriving import derivation_message
from services.workout.tables import recordings, workouts

_PAGE = 200


def archived_derivations(conn: Connection, user_id: str) -> list[archive_pb2.ArchivedDerivation]:
    """All derivations of a person, the oldest first: who repeats them in this order finds their inputs."""
    found = list(_all(conn, user_id))[::-1]
    ids = _recording_ids(conn, [member.workout_pk for stored in found for member in stored.members])
    return [_archived(stored, ids) for stored in found]


def _all(conn: Connection, user_id: str) -> Iterator[StoredDerivation]:
    before: int | None = None
    while page := derivation_store.page(conn, user_id, "", before, _PAGE):
        yield from page
        before = page[-1].row.derivation_pk


def _recording_ids(conn: Connection, workout_pks: Sequence[int]) -> dict[int, str]:
    ids: dict[int, str] = {}
    for first in range(0, len(workout_pks), _PAGE):
        part = workout_pks[first : first + _PAGE]
        rows = conn.execute(
            select(workouts.c.workout_pk, recordings.c.recording_id)
            .join(recordings, recordings.c.recording_pk == workouts.c.recording_pk)
            .where(workouts.c.workout_pk.in_(part))
        )
        ids.update({row.workout_pk: row.recording_id for row in rows})
    return ids


def _archived(stored: StoredDerivation, ids: dict[int, str]) -> archive_pb2.ArchivedDerivation:
    return archive_pb2.ArchivedDerivation(
        derivation=derivation_message(stored),
        input_recording_ids=[ids.get(member.workout_pk, "") for member in stored.of(Role.INPUT)],
        output_recording_ids=[ids.get(member.workout_pk, "") for member in stored.of(Role.MADE, Role.KEPT)],
    )
