"""Splits, merges and choices among duplicates, done again on the workouts that an archive became."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ingest_edge.importer.restoring.editing import request_id
from ingest_edge.importer.restoring.patience import patiently
from pulsemesh.client import Client
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.errors import FailedPrecondition, NotFound
from pulsemesh.revisions import Channel
from pulsemesh.workout.v1 import archive_pb2, duplicate_service_pb2, revision_pb2, workout_pb2

_PAIR_POLL_S = 0.2


class CannotRepeat(Exception):
    """The platform cannot do it again, for the reason given."""


class Undone(Exception):
    """It was done here, and its owner has taken it back since, or chosen otherwise."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """A derivation on this platform.

    Attributes:
        ours: this archive made it, now or earlier.
        already: it was here before.
        workouts: its outputs, those that are left.
    """

    ours: bool
    already: bool
    workouts: Sequence[workout_pb2.Workout]


class Deriver:
    """Repeats derivations; a repeat of what was repeated changes nothing.

    Every method raises `CannotRepeat` or `Undone`, and `NotNow` where it is worth trying again later.
    """

    def __init__(self, client: Client, patience_s: float) -> None:
        self._client = client
        self._patience_s = patience_s

    async def repeat(self, archived: archive_pb2.ArchivedDerivation, inputs: Sequence[str]) -> Repeated:
        """A split or a merge of these workouts."""
        derivation = archived.derivation
        split = derivation.kind == revision_pb2.DERIVATION_KIND_SPLIT
        name = request_id("derive", derivation.derivation_id, *inputs)

        async def again() -> Repeated:
            if not split:
                made = await self._merged(derivation, inputs, name)
                return Repeated(True, present is not None, [made])
            answer = await self._client.revisions.split(
                inputs[0], list(derivation.split_times_ms), request_id=name
            )
            return Repeated(True, present is not None, answer.workouts)

        present = await patiently(lambda: self._present(derivation, inputs), self._patience_s)
        try:
            return await patiently(again, self._patience_s)
        except FailedPrecondition as refused:
            if refused.reason != reason_pb2.ERROR_REASON_HIDDEN:
                raise
        if present is None:
            raise CannotRepeat("one of its workouts stands behind others here")
        return Repeated(False, True, await self._outputs(present))

    async def _merged(
        self, derivation: revision_pb2.Derivation, inputs: Sequence[str], name: str
    ) -> workout_pb2.Workout:
        ids = dict(zip(derivation.input_workout_ids, inputs, strict=True))
        leads: dict[Channel, str] = {lead.channel: ids[lead.workout_id] for lead in derivation.leads}
        told = {ids[each.workout_id]: each for each in derivation.clock_offsets}
        offsets = dict.fromkeys(inputs, 0) | {key: each.offset_ms for key, each in told.items()}
        found = {key for key, each in told.items() if each.correlation}
        if found and not await self._finds_the_same(inputs, leads, offsets, found):
            found = set()
        given = {
            key: timedelta(milliseconds=offset_ms) for key, offset_ms in offsets.items() if key not in found
        }
        answer = await self._client.revisions.merge(
            inputs, leads=leads, clock_offsets=given, align_clocks=bool(found), request_id=name
        )
        return answer.workout

    async def _finds_the_same(
        self, inputs: Sequence[str], leads: Mapping[Channel, str], offsets: Mapping[str, int], found: set[str]
    ) -> bool:
        """Whether the platform finds the offsets again that were found, so that it can say how sure it is."""
        given = {key: timedelta(milliseconds=each) for key, each in offsets.items() if key not in found}
        seen = await self._client.revisions.merge(
            inputs, leads=leads, clock_offsets=given, align_clocks=True, preview=True
        )
        now = {each.workout_id: each.offset_ms for each in seen.derivation.clock_offsets}
        return all(now.get(key, 0) == offsets[key] for key in found)

    async def keep_one(self, kept_id: str, hidden_id: str) -> Repeated:
        """Hide one of a pair, once the platform has found that it is one."""
        deadline = time.monotonic() + self._patience_s
        while True:
            pair = await patiently(lambda: self._pair({kept_id, hidden_id}), self._patience_s)
            if pair is not None:
                return await self._chosen(pair, kept_id, hidden_id)
            hidden = await patiently(lambda: self._client.workouts.get(hidden_id), self._patience_s)
            if hidden.hidden:
                raise CannotRepeat("the workout that was left out stands behind others here")
            if time.monotonic() > deadline:
                raise CannotRepeat("the platform does not take the two for one workout")
            # Pairs are found in the background, once both workouts were looked at.
            await asyncio.sleep(_PAIR_POLL_S)

    async def _pair(self, workout_ids: set[str]) -> duplicate_service_pb2.Duplicate | None:
        async for pair in self._client.duplicates.list(states=("open", "kept_both", "kept_one", "merged")):
            if {pair.first.workout_id, pair.second.workout_id} == workout_ids:
                return pair
        return None

    async def _chosen(self, pair: duplicate_service_pb2.Duplicate, kept_id: str, hidden_id: str) -> Repeated:
        workouts = {each.workout_id: each for each in (pair.first, pair.second)}
        if pair.state == duplicate_service_pb2.DUPLICATE_STATE_KEPT_ONE and workouts[hidden_id].hidden:
            return Repeated(False, True, [workouts[kept_id]])
        if pair.state != duplicate_service_pb2.DUPLICATE_STATE_OPEN:
            raise Undone("another choice was made of the two here")
        await patiently(
            lambda: self._client.duplicates.keep_one(pair.duplicate_id, kept_id), self._patience_s
        )
        return Repeated(True, False, [workouts[kept_id]])

    async def _present(
        self, wanted: revision_pb2.Derivation, inputs: Sequence[str]
    ) -> revision_pb2.Derivation | None:
        """The same derivation, where it is there already."""
        async for found in self._client.revisions.derivations(inputs[0]):
            if found.kind == wanted.kind and list(found.input_workout_ids) == list(inputs):
                return found
        return None

    async def _outputs(self, derivation: revision_pb2.Derivation) -> list[workout_pb2.Workout]:
        return [
            await patiently(partial(self._client.workouts.get, workout_id), self._patience_s)
            for workout_id in derivation.output_workout_ids
        ]

    async def delete(self, workout_id: str) -> None:
        """Delete a part that its owner had deleted."""
        await patiently(lambda: self._client.workouts.delete(workout_id), self._patience_s)

    async def exists(self, workout_id: str) -> bool:
        """Whether there is such a workout."""
        try:
            await patiently(lambda: self._client.workouts.get(workout_id), self._patience_s)
        except NotFound:
            return False
        return True


def part_of(times_ms: Sequence[int], moment_ms: int) -> int:
    """Which part of a split holds this moment."""
    return bisect_right(times_ms, moment_ms)
