"""After the files of an import: what archives of ours ask to be done again, noted in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.isolation import FileReader
from ingest_edge.files.pulsemesh_archive import parsed_derivations
from ingest_edge.importer.importer import Importer, Work
from ingest_edge.importer.ledger import ArchivedFile, Ledger
from ingest_edge.importer.outcome import UNFINISHED, FileOutcome, FileStatus
from ingest_edge.importer.restoring import ArchivedFacts, Restorer, Restoring, Step, StepKind, StepStatus
from ingest_edge.importer.restoring.steps import SETTLED
from pulsemesh.client import Client
from pulsemesh.workout.v1 import archive_pb2

OpenClient = Callable[[], AbstractAsyncContextManager[Client]]
"""Opens a client of the person whose workouts they become: a gateway's own may only record."""

Derivations = Sequence[archive_pb2.ArchivedDerivation]


@dataclass(frozen=True)
class Restoration:
    """Restores the archives of one import, one after another.

    Attributes:
        done: told of files that have their outcome now.
        told: told of every step.
    """

    ledger: Ledger
    job_id: str
    importer: Importer
    decoder: FileReader
    owner: OpenClient
    patience_s: float
    done: Callable[[FileOutcome], None]
    told: Callable[[Step], None]

    async def run(self) -> None:
        """Do what is missing, of all archives.

        Raises:
            SpoolError, CredentialsRefused: as `Importer.run`.
        """
        here: dict[str, str] = {}
        for archive in await self.ledger.archives(self.job_id):
            files = await self.ledger.archived_files(self.job_id, archive)
            here |= {file.facts.recording_id: file.workout_id for file in files if file.workout_id}
            if any(file.status in UNFINISHED and not file.facts.derived for file in files):
                await self._leave_waiting(files, "it waits for the workouts that it was made of")
                continue
            content = await self.ledger.derivations(self.job_id, archive)
            if content or any(_asks(file.facts) for file in files):
                await _OneArchive(self, archive, files, here).run(await self._parsed(content))

    async def _parsed(self, content: bytes) -> Derivations:
        """None where they are damaged: what was made by them is imported as it is."""
        try:
            return await asyncio.to_thread(self.decoder.run, parsed_derivations, content) if content else []
        except (UnreadableFile, OSError):
            return []

    async def _leave_waiting(self, files: Sequence[ArchivedFile], reason: str) -> None:
        for file in files:
            if file.facts.derived and file.status is None:
                await self.settle(file, FileStatus.WAITING, reason=reason)

    async def settle(
        self, file: ArchivedFile, status: FileStatus, workout_id: str = "", reason: str = ""
    ) -> None:
        """Note what became of a derived workout of the archive."""
        found = await self.ledger.file(self.job_id, file.ordinal)
        if found is None:  # it has its outcome
            return
        outcome = FileOutcome(
            found.entry.location.shown,
            status,
            file.facts.recording_id,
            workout_id,
            reason,
            file.facts.samples,
            title=file.facts.title,
        )
        await self.ledger.note_done(self.job_id, file.ordinal, outcome)
        self.done(outcome)


class _OneArchive:
    def __init__(
        self, whole: Restoration, archive: str, files: Sequence[ArchivedFile], here: dict[str, str]
    ) -> None:
        self._whole = whole
        self._archive = archive
        self._here = here
        self._derived = {file.facts.recording_id: file for file in files if file.facts.derived}
        self._facts = {file.facts.recording_id: file.facts for file in files}
        self._files = files

    async def run(self, derivations: Derivations) -> None:
        whole = self._whole
        before = await whole.ledger.steps(whole.job_id, self._archive)
        failed = {step.subject for step in before if step.status is StepStatus.FAILED and not _choice(step)}
        # What could not be repeated was imported as it is: it must not be made a second time.
        again = [each for each in derivations if each.derivation.derivation_id not in failed]
        made = {output for each in again for output in each.output_recording_ids} & self._derived.keys()
        archive = Restoring(
            self._facts,
            {key: value for key, value in self._here.items() if key not in made},
            again,
            frozenset((step.kind, step.subject) for step in before if step.status in SETTLED),
        )
        outputs = {each.derivation.derivation_id: each.output_recording_ids for each in again}
        async with whole.owner() as client:
            restorer = Restorer(client, whole.patience_s, self._taken)
            async for step in restorer.restore(archive):
                await self._note(step, outputs)
                if await whole.ledger.cancel_asked(whole.job_id):
                    return
        for file in self._derived.values():
            await self._taken(file.facts)

    async def _note(self, step: Step, outputs: Mapping[str, Sequence[str]]) -> None:
        whole = self._whole
        await whole.ledger.note_step(whole.job_id, self._archive, step)
        whole.told(step)
        self._here.update(step.made)
        status = FileStatus.IMPORTED if step.status is StepStatus.DONE else FileStatus.DUPLICATE
        for recording_id, workout_id in step.made:
            await self._settle(recording_id, status, workout_id)
        if step.status is StepStatus.FAILED:
            return
        # Of these nothing was made: they wait, or their owner does not want them any more.
        waits = step.status is StepStatus.WAITING
        for recording_id in outputs.get(step.subject, ()):
            await self._settle(
                recording_id, FileStatus.WAITING if waits else FileStatus.DUPLICATE, "", step.reason
            )

    async def _settle(self, recording_id: str, status: FileStatus, workout_id: str, reason: str = "") -> None:
        file = self._derived.get(recording_id)
        if file is not None:
            await self._whole.settle(file, status, workout_id, reason)

    async def _taken(self, facts: ArchivedFacts) -> str:
        """Import a derived workout as a recording of its own, where it has no outcome yet."""
        file = self._derived.get(facts.recording_id)
        found = None if file is None else await self._whole.ledger.file(self._whole.job_id, file.ordinal)
        if found is None:
            return self._here.get(facts.recording_id, "")
        outcome = await self._whole.importer.import_as_it_is(Work(found.entry, found.spooling))
        self._whole.done(outcome)
        return outcome.workout_id


def _asks(facts: ArchivedFacts) -> bool:
    return bool(facts.derived or facts.revision or facts.sport_chosen)


def _choice(step: Step) -> bool:
    return step.kind is StepKind.KEEP_ONE
