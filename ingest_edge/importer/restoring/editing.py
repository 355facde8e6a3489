"""Titles, notes, sports and corrections, as they were in an archive."""

from __future__ import annotations

import hashlib
from typing import TypedDict

from ingest_edge.importer.restoring.facts import ArchivedFacts
from ingest_edge.importer.restoring.patience import NotNow, patiently
from ingest_edge.importer.restoring.steps import Step, StepKind, StepStatus
from pulsemesh.client import Client
from pulsemesh.errors import NotFound, PulsemeshError
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import workout_pb2


class _Changes(TypedDict, total=False):
    title: str
    notes: str
    sport: sport_pb2.Sport.ValueType
    sub_sport: sport_pb2.SubSport.ValueType


def request_id(*parts: str) -> str:
    """The same for the same work, whoever repeats it and when: the platform does it once."""
    return "archive-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:48]


class Editor:
    """Puts workouts as an archive has them."""

    def __init__(self, client: Client, patience_s: float) -> None:
        self._client = client
        self._patience_s = patience_s

    async def edit(self, facts: ArchivedFacts, workout_id: str) -> Step:
        """Title, notes and sport."""
        try:
            workout = await patiently(lambda: self._client.workouts.get(workout_id), self._patience_s)
            changes = _differences(facts, workout)
            if not changes:
                return Step(StepKind.EDIT, facts.recording_id, StepStatus.ALREADY, (workout_id,))
            name = request_id("edit", workout_id, facts.to_text())
            await patiently(
                lambda: self._client.workouts.update(workout_id, request_id=name, **changes), self._patience_s
            )
        except (PulsemeshError, NotNow) as error:
            return _failed(StepKind.EDIT, facts, workout_id, error)
        return Step(StepKind.EDIT, facts.recording_id, StepStatus.DONE, (workout_id,))

    async def correct(self, facts: ArchivedFacts, workout_id: str) -> Step:
        """The correction; one that its owner made here since stays."""
        try:
            status = await patiently(lambda: self._correct(facts, workout_id), self._patience_s)
        except (PulsemeshError, NotNow) as error:
            return _failed(StepKind.CORRECTION, facts, workout_id, error)
        reason = "it is corrected otherwise here" if status is StepStatus.LEFT else ""
        return Step(StepKind.CORRECTION, facts.recording_id, status, (workout_id,), reason)

    async def _correct(self, facts: ArchivedFacts, workout_id: str) -> StepStatus:
        wanted = facts.operations
        present = list((await self._client.revisions.get(workout_id)).revision.operations)
        if present:
            return StepStatus.ALREADY if present == wanted else StepStatus.LEFT
        name = request_id("correct", workout_id, facts.revision)
        await self._client.revisions.revise(workout_id, *wanted, append=False, request_id=name)
        return StepStatus.DONE


def _differences(facts: ArchivedFacts, workout: workout_pb2.Workout) -> _Changes:
    changes = _Changes()
    if workout.title != facts.title:
        changes["title"] = facts.title
    if workout.notes != facts.notes:
        changes["notes"] = facts.notes
    if facts.sport and (workout.sport, workout.sub_sport) != (facts.sport, facts.sub_sport):
        changes["sport"] = sport_pb2.Sport.ValueType(facts.sport)
        changes["sub_sport"] = sport_pb2.SubSport.ValueType(facts.sub_sport)
    return changes


def _failed(kind: StepKind, facts: ArchivedFacts, workout_id: str, error: Exception) -> Step:
    if isinstance(error, NotFound):
        return Step(kind, facts.recording_id, StepStatus.LEFT, (workout_id,), "it was deleted here since")
    status = StepStatus.WAITING if isinstance(error, NotNow) else StepStatus.FAILED
    return Step(kind, facts.recording_id, status, (workout_id,), str(error))
