"""One archive's edits, corrections and derivations, in the order in which they build on each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ingest_edge.importer.restoring.deriving import CannotRepeat, Deriver, Repeated, Undone, part_of
from ingest_edge.importer.restoring.editing import Editor
from ingest_edge.importer.restoring.facts import ArchivedFacts
from ingest_edge.importer.restoring.patience import NotNow
from ingest_edge.importer.restoring.steps import Step, StepKind, StepStatus
from pulsemesh.client import Client
from pulsemesh.errors import NotFound, PulsemeshError
from pulsemesh.workout.v1 import archive_pb2, revision_pb2, workout_pb2

_KINDS = {
    revision_pb2.DERIVATION_KIND_SPLIT: StepKind.SPLIT,
    revision_pb2.DERIVATION_KIND_MERGE: StepKind.MERGE,
    revision_pb2.DERIVATION_KIND_KEEP_ONE: StepKind.KEEP_ONE,
}

TakeAsItIs = Callable[[ArchivedFacts], Awaitable[str]]
"""Imports a derived workout as a recording of its own; returns its workout's id, empty where it cannot be."""


@dataclass(frozen=True)
class Restoring:
    """An archive whose recordings are workouts here.

    Attributes:
        facts: of each of its workouts, by the recording.
        workout_ids: those of the workouts here, by the recording; what is derived is missing.
        settled: edits and corrections that need not be looked at again, by kind and recording.
    """

    facts: Mapping[str, ArchivedFacts]
    workout_ids: Mapping[str, str]
    derivations: Sequence[archive_pb2.ArchivedDerivation]
    settled: frozenset[tuple[str, str]] = field(default=frozenset())


class Restorer:
    """Does again what was done to the workouts of an archive after they were recorded.

    Whatever interrupts it, it is begun anew and does what is missing. On the account that the archive came
    from, workouts that are still there stay as they are now.
    """

    def __init__(self, client: Client, patience_s: float, take_as_it_is: TakeAsItIs) -> None:
        self._editor = Editor(client, patience_s)
        self._deriver = Deriver(client, patience_s)
        self._take_as_it_is = take_as_it_is

    async def restore(self, archive: Restoring) -> AsyncIterator[Step]:
        """Do all of it; yields each step with its outcome."""
        here = dict(archive.workout_ids)
        missing: dict[str, Step] = {}
        late = _kept_only(archive.derivations)
        for recording_id, workout_id in archive.workout_ids.items():
            if recording_id not in late:
                async for step in self._edited(archive, recording_id, workout_id):
                    yield step
        for derivation in archive.derivations:
            step = _follows(derivation, missing) or await self._derived(archive, derivation, here)
            here.update(step.made)
            missing.update(dict.fromkeys(set(derivation.output_recording_ids) - here.keys(), step))
            yield step
            for recording_id, workout_id in step.made:
                async for edit in self._edited(archive, recording_id, workout_id):
                    yield edit
        # A pair is known by what both measured: what was kept is changed when the choice was made.
        for recording_id in sorted(late & archive.workout_ids.keys()):
            async for step in self._edited(archive, recording_id, here[recording_id]):
                yield step

    async def _edited(self, archive: Restoring, recording_id: str, workout_id: str) -> AsyncIterator[Step]:
        facts = archive.facts.get(recording_id)
        if facts is None or facts.workout_id == workout_id:
            return
        unsettled = {kind for kind in StepKind if (kind, recording_id) not in archive.settled}
        if (facts.derived or facts.sport_chosen) and StepKind.EDIT in unsettled:
            step = await self._editor.edit(facts, workout_id)
            if step.status is not StepStatus.ALREADY:
                yield step
        if facts.revision and StepKind.CORRECTION in unsettled:
            yield await self._editor.correct(facts, workout_id)

    async def _derived(
        self, archive: Restoring, archived: archive_pb2.ArchivedDerivation, here: Mapping[str, str]
    ) -> Step:
        derivation = archived.derivation
        kind, subject = _KINDS.get(derivation.kind), derivation.derivation_id
        if kind is None:
            return Step(
                StepKind.MERGE, subject, StepStatus.FAILED, reason="this version does not know its kind"
            )
        try:
            inputs = [_present(here, recording_id) for recording_id in archived.input_recording_ids]
            if inputs == list(derivation.input_workout_ids):
                return await self._as_it_was(kind, archived)
            made, repeated = await self._repeated(kind, archive, archived, inputs, here)
        except NotNow as trouble:
            return Step(kind, subject, StepStatus.WAITING, reason=str(trouble))
        except Undone as undone:
            return Step(kind, subject, StepStatus.LEFT, reason=str(undone))
        except NotFound:
            return Step(kind, subject, StepStatus.LEFT, reason="it was undone or deleted here since")
        except (CannotRepeat, PulsemeshError, ValueError, KeyError) as error:
            return await self._taken_as_they_are(kind, archive, archived, str(error))
        ids = tuple(workout.workout_id for workout in repeated.workouts)
        status = StepStatus.ALREADY if repeated.already else StepStatus.DONE
        return Step(kind, subject, status, ids, _differences(archive, made), _ids(made))

    async def _as_it_was(self, kind: StepKind, archived: archive_pb2.ArchivedDerivation) -> Step:
        """On the account that the archive came from: what its owner has done since stays."""
        derivation = archived.derivation
        outputs = [
            (recording_id, workout_id)
            for recording_id, workout_id in zip(
                archived.output_recording_ids, derivation.output_workout_ids, strict=True
            )
            if await self._deriver.exists(workout_id)
        ]
        ids = tuple(workout_id for _, workout_id in outputs)
        status = StepStatus.ALREADY if outputs else StepStatus.LEFT
        reason = "" if outputs else "it was undone or deleted here since"
        made = () if kind is StepKind.KEEP_ONE else tuple(outputs)
        return Step(kind, derivation.derivation_id, status, ids, reason, made)

    async def _repeated(
        self,
        kind: StepKind,
        archive: Restoring,
        archived: archive_pb2.ArchivedDerivation,
        inputs: Sequence[str],
        here: Mapping[str, str],
    ) -> tuple[list[tuple[str, workout_pb2.Workout]], Repeated]:
        """The recordings of the archive beside what stands for them here."""
        if kind is StepKind.KEEP_ONE:
            kept_id = _present(here, next(iter(archived.output_recording_ids), ""))
            return [], await self._deriver.keep_one(kept_id, _only(inputs))
        repeated = await self._deriver.repeat(archived, inputs)
        outputs = archived.output_recording_ids
        if kind is StepKind.MERGE:
            return list(zip(outputs, repeated.workouts, strict=False)), repeated
        times = list(archived.derivation.split_times_ms)
        wanted = {
            part_of(times, archive.facts[recording_id].start_ms): recording_id
            for recording_id in outputs
            if recording_id in archive.facts
        }
        made: list[tuple[str, workout_pb2.Workout]] = []
        for workout in repeated.workouts:
            recording_id = wanted.get(part_of(times, workout.start_time.ToMilliseconds()), "")
            if recording_id:
                made.append((recording_id, workout))
            elif repeated.ours:
                # Its owner had deleted this part before the archive was made.
                await self._deriver.delete(workout.workout_id)
        return made, Repeated(repeated.ours, repeated.already, [workout for _, workout in made])

    async def _taken_as_they_are(
        self, kind: StepKind, archive: Restoring, archived: archive_pb2.ArchivedDerivation, reason: str
    ) -> Step:
        made = []
        if kind is not StepKind.KEEP_ONE:
            for recording_id in archived.output_recording_ids:
                facts = archive.facts.get(recording_id)
                workout_id = await self._take_as_it_is(facts) if facts is not None else ""
                if workout_id:
                    made.append((recording_id, workout_id))
        ids = tuple(workout_id for _, workout_id in made)
        return Step(kind, archived.derivation.derivation_id, StepStatus.FAILED, ids, reason, tuple(made))


def _kept_only(derivations: Iterable[archive_pb2.ArchivedDerivation]) -> set[str]:
    """Recordings that were chosen among several, and of which nothing else was made."""
    kept: set[str] = set()
    used: set[str] = set()
    for each in derivations:
        used.update(each.input_recording_ids)
        if each.derivation.kind == revision_pb2.DERIVATION_KIND_KEEP_ONE:
            kept.update(each.output_recording_ids)
    return kept - used


def _follows(archived: archive_pb2.ArchivedDerivation, missing: Mapping[str, Step]) -> Step | None:
    """Where what it is made of waits, or was undone here, so does it."""
    for recording_id in archived.input_recording_ids:
        step = missing.get(recording_id)
        if step is not None and step.status in (StepStatus.WAITING, StepStatus.LEFT):
            kind = _KINDS.get(archived.derivation.kind, StepKind.MERGE)
            return Step(kind, archived.derivation.derivation_id, step.status, reason=step.reason)
    return None


def _present(here: Mapping[str, str], recording_id: str) -> str:
    workout_id = here.get(recording_id, "")
    if not workout_id:
        raise CannotRepeat("one of its workouts is not here")
    return workout_id


def _only(inputs: Sequence[str]) -> str:
    if len(inputs) != 1:
        raise CannotRepeat("a choice leaves out one workout")
    return inputs[0]


def _ids(made: Iterable[tuple[str, workout_pb2.Workout]]) -> tuple[tuple[str, str], ...]:
    return tuple((recording_id, workout.workout_id) for recording_id, workout in made)


def _differences(archive: Restoring, made: Iterable[tuple[str, workout_pb2.Workout]]) -> str:
    """Where what was made has another number of samples than the archive says; empty where it has not."""
    for recording_id, workout in made:
        facts = archive.facts.get(recording_id)
        samples = sum(int(source.next_sequence) for source in workout.sources)
        if facts is not None and not workout.revised and workout.sources and samples != facts.samples:
            return f"{samples} samples where the archive has {facts.samples}"
    return ""
