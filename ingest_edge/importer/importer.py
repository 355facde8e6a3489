"""The importer: reads device files, a few at a time, while the uplink brings up what was read before."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ingest_edge.files.archives import ArchiveReader, ArchiveRefused, Location
from ingest_edge.files.decoder import NotAnActivity, UnreadableFile
from ingest_edge.files.isolation import FileReader
from ingest_edge.importer import archived
from ingest_edge.importer.entries import Entry, entry_of
from ingest_edge.importer.journal import Journal, NoJournal
from ingest_edge.importer.ledger import Spooling
from ingest_edge.importer.metadata import described
from ingest_edge.importer.outcome import FileOutcome, FileStage, FileStatus, OnProgress
from ingest_edge.importer.translation import ImportedRecording, recording_of
from ingest_edge.spool import (
    WAITING_STATES,
    Original,
    SeenFile,
    Spool,
    SpoolFull,
    SpoolRefused,
    SpoolState,
    recording_id_of_digest,
)
from ingest_edge.uplink import PlatformUnreachable, Settled, Uplink
from pulsemesh.client import Client
from pulsemesh.errors import PulsemeshError

UNDECODABLE = "undecodable"
"""The fault of a file that was read and made no sense."""

_ROOM_POLL_S = 0.5
_IN_FLIGHT = 2
"""Files between being read and being a workout: one is read while another is uploaded. More would finish no
sooner, and every one of them stands between the platform and its other users."""

_REST = 0.5
"""How long the platform is left to its other users after each file, as a share of what the file took."""

_LONGEST_REST_S = 1.0


@dataclass(frozen=True, slots=True)
class _File:
    """A file that was read, its bytes gone again."""

    entry: Entry
    size_bytes: int
    sha256: str
    recording_id: str

    @property
    def path(self) -> Path:
        return self.entry.location.shown


@dataclass(frozen=True, slots=True)
class Work:
    """A file to import, and what an earlier run of the same import had read of it.

    Attributes:
        as_it_is: a workout that was made of others is imported like one that was recorded.
    """

    entry: Entry
    spooling: Spooling | None = None
    as_it_is: bool = False


class Importer:
    """Imports files through a spool whose `uplink` is running.

    What was read is safe in the spool before its slot is given to another file, so an import that is
    cancelled or killed goes on where it was when it is started again with the same files.

    Args:
        decoder: reads the files, away from this process, as many at a time as it can.
        patience_s: how long the platform may be silent before the rest is left waiting in the spool.
        reader: gives the bytes of files, those in archives included.
        journal: where the course is noted.
    """

    def __init__(
        self,
        spool: Spool,
        uplink: Uplink,
        client: Client,
        decoder: FileReader,
        *,
        writer_id: str,
        patience_s: float,
        on_progress: OnProgress | None = None,
        reader: ArchiveReader | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._spool = spool
        self._uplink = uplink
        self._client = client
        self._decoder = decoder
        self._writer_id = writer_id
        self._patience_s = patience_s
        self._on_progress = on_progress
        self._reader = reader or ArchiveReader()
        self._journal = journal or NoJournal()
        self._known_digests: dict[str, asyncio.Future[FileOutcome]] = {}
        self._following = 0
        self._stopped = False
        self._preparing = asyncio.Semaphore(decoder.concurrency)
        self.outcomes: list[FileOutcome] = []
        """What became of the files so far, in the order in which it was known; see `import_all`."""

    async def run(self, paths: Sequence[Path]) -> list[FileOutcome]:
        """Import these files; returns their outcomes in the order of `paths`.

        A bad file costs only itself.

        Raises:
            SpoolError: the spool cannot be used any more.
            CredentialsRefused: the platform refuses our credentials; what was read is in the spool.
        """
        entries = await asyncio.to_thread(_entries_of, paths)
        by_ordinal: dict[int, FileOutcome] = {}

        async def works() -> AsyncIterator[Work]:
            for entry in entries:
                yield Work(entry)

        async for work, outcome in self.import_all(works()):
            self.outcomes.append(outcome)
            by_ordinal[work.entry.ordinal] = outcome
            self._tell(outcome.path, FileStage.DONE)
        return [by_ordinal[entry.ordinal] for entry in entries]

    def stop(self) -> None:
        """Begin no further file; `import_all` ends once those that were begun have their outcomes."""
        self._stopped = True

    async def import_all(self, works: AsyncIterator[Work]) -> AsyncIterator[tuple[Work, FileOutcome]]:
        """Import files as they come; yields each with its outcome, in the order in which it is known.

        Memory does not grow with the number of files, but for a digest and an outcome of each.

        Raises:
            SpoolError, CredentialsRefused: as `run`.
        """
        running: dict[asyncio.Task[tuple[FileOutcome, float]], Work] = {}
        rest_s = 0.0
        more = True
        try:
            while more or running:
                while more and len(running) < _IN_FLIGHT:
                    work = None if self._stopped else await anext(works, None)
                    more = work is not None
                    if work is not None:
                        running[asyncio.create_task(self._import_after(rest_s, work))] = work
                        rest_s = 0.0
                if running:
                    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        outcome, took_s = task.result()
                        rest_s = min(rest_s + took_s * _REST, _LONGEST_REST_S)
                        yield running.pop(task), outcome
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def import_as_it_is(self, work: Work) -> FileOutcome:
        """Import one workout of an archive that was made of others, as if it had been recorded.

        Raises:
            SpoolError, CredentialsRefused: as `run`.
        """
        return await self._import(replace(work, as_it_is=True))

    async def _import_after(self, rest_s: float, work: Work) -> tuple[FileOutcome, float]:
        """The outcome, and the seconds that it took after the rest."""
        await asyncio.sleep(rest_s)
        began_s = asyncio.get_running_loop().time()
        outcome = await self._import(work)
        return outcome, asyncio.get_running_loop().time() - began_s

    async def _import(self, work: Work) -> FileOutcome:
        async with self._preparing:
            if self._stopped:
                return FileOutcome(work.entry.location.shown, FileStatus.CANCELLED)
            prepared = await self._prepare(work)
        if isinstance(prepared, FileOutcome):
            outcome = prepared
        else:
            file, base = prepared
            outcome = await self._followed(file, base)
        if outcome.status is not FileStatus.DERIVED:
            await self._note(work.entry, outcome)
        return outcome

    async def _prepare(self, work: Work) -> FileOutcome | tuple[_File, FileOutcome]:
        """Bring a file into the spool; what is returned beside the file is its outcome as far as known."""
        entry = work.entry
        path = entry.location.shown
        self._tell(path, FileStage.READING)
        try:
            limit = archived.MAX_BYTES if archived.is_archived(entry.location) else None
            content = await asyncio.to_thread(self._reader.read, entry.location, limit)
        except ArchiveRefused as refused:
            return FileOutcome(path, FileStatus.UNREADABLE, reason=refused.reason, fault=refused.fault)
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            return FileOutcome(path, FileStatus.UNREADABLE, reason=reason)
        digest = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
        file = _File(entry, len(content), digest, recording_id_of_digest(digest))
        if digest in self._known_digests:
            return file, FileOutcome(path, FileStatus.DUPLICATE)
        future: asyncio.Future[FileOutcome] = asyncio.get_running_loop().create_future()
        self._known_digests[digest] = future
        try:
            if archived.is_archived(entry.location):
                file, prepared = await self._archived(file, content, work)
            else:
                prepared = (
                    await self._read_before(file, work.spooling)
                    or await self._known(file)
                    or await self._spooled(file, content)
                )
        except BaseException:
            # Nobody shall wait for what will not come.
            future.cancel()
            raise
        if prepared.status is FileStatus.DERIVED:
            # It may come again, as it is.
            del self._known_digests[digest]
        if prepared.status is not FileStatus.WAITING:
            future.set_result(prepared)
            return prepared
        return file, prepared

    async def _read_before(self, file: _File, read: Spooling | None) -> FileOutcome | None:
        """What an earlier run had done with the file already; it is not decoded again."""
        existing = await self._spool.find(file.recording_id)
        if existing is None:
            return None
        ours = read is not None and read.sha256 == file.sha256
        losses = read.losses if ours and read is not None else ()
        title = read.title if ours and read is not None else ""
        base = FileOutcome(file.path, FileStatus.WAITING, file.recording_id, samples=existing.samples)
        base = replace(base, losses=losses, title=title)
        if existing.state in WAITING_STATES:
            return base
        if ours and existing.state is SpoolState.CLOSED:
            return await self._judged(base, Settled(workout_id=existing.workout_id))
        return None

    async def _known(self, file: _File) -> FileOutcome | None:
        """The workout that the platform already has of this file, without reading it."""
        if self._uplink.trouble or self._uplink.refused:
            return None
        try:
            stored = await self._client.files.find(file.sha256)
        except (PulsemeshError, OSError):
            # The uplink meets the same trouble and says so.
            return None
        if stored is None or not stored.workout_id:
            return None
        return FileOutcome(file.path, FileStatus.DUPLICATE, file.recording_id, stored.workout_id)

    async def _archived(self, file: _File, content: bytes, work: Work) -> tuple[_File, FileOutcome]:
        """The same for a workout of an archive of ours, which tells itself which recording it is."""
        location = file.entry.location
        self._tell(file.path, FileStage.DECODING)
        try:
            found = await asyncio.to_thread(
                self._decoder.run,
                archived.archived_recording,
                location.inner_name,
                content,
                self._writer_id,
            )
            file = replace(file, recording_id=found.recording.new.recording_id)
            original = await asyncio.to_thread(_archived_original, self._reader, location, found)
        except (UnreadableFile, OSError, ValueError) as error:
            return file, _undecodable(file, error)
        await self._journal.archived(file.entry, found.facts)
        if found.facts.derived and not work.as_it_is:
            return file, FileOutcome(
                file.path, FileStatus.DERIVED, file.recording_id, title=found.facts.title
            )
        return file, (
            await self._read_before(file, work.spooling)
            or await self._into_spool(file, found.recording, original)
        )

    async def _spooled(self, file: _File, content: bytes) -> FileOutcome:
        """What was read and is in the spool now (`WAITING`), or why not."""
        self._tell(file.path, FileStage.DECODING)
        try:
            translate = partial(recording_of, sha256=file.sha256, writer_id=self._writer_id)
            read = await asyncio.to_thread(self._decoder.decode_with, content, translate)
        except NotAnActivity as other:
            return FileOutcome(file.path, FileStatus.NOT_AN_ACTIVITY, reason=str(other))
        except (UnreadableFile, OSError, ValueError) as error:
            return _undecodable(file, error)
        recording = described(read, await self._journal.hint(file.entry, read.new.start_time_ms))
        return await self._into_spool(file, recording, _original(file))

    async def _into_spool(
        self, file: _File, recording: ImportedRecording, original: Original | None
    ) -> FileOutcome:
        title = recording.details.title
        await self._journal.spooling(
            file.entry, Spooling(file.sha256, recording.samples, recording.losses, title)
        )
        try:
            await self._add(file, recording, original)
        except (OSError, ValueError) as error:
            return _undecodable(file, error)
        except SpoolRefused as full:
            return FileOutcome(file.path, FileStatus.NO_ROOM, file.recording_id, reason=str(full))
        base = FileOutcome(file.path, FileStatus.WAITING, file.recording_id, samples=recording.samples)
        return replace(base, losses=recording.losses, title=title)

    async def _add(self, file: _File, recording: ImportedRecording, original: Original | None) -> None:
        self._uplink.forget(file.recording_id)
        while True:
            try:
                await self._spool.add_whole(recording.new, recording.sources, recording.details, original)
            except SpoolFull:
                # What goes up makes room; without that there is none to wait for.
                if not self._uplink.connected or not self._following:
                    raise
                await asyncio.sleep(_ROOM_POLL_S)
            else:
                return

    async def _followed(self, file: _File, base: FileOutcome) -> FileOutcome:
        """Follow what is in the spool to the platform, or the file that has the same content."""
        future = self._known_digests[file.sha256]
        if base.status is FileStatus.DUPLICATE:
            return _same_as(base.path, await asyncio.shield(future))
        self._following += 1
        try:
            outcome = await self._uploaded(file, base)
            future.set_result(outcome)
        except BaseException:
            future.cancel()
            raise
        finally:
            self._following -= 1
        return outcome

    async def _uploaded(self, file: _File, base: FileOutcome) -> FileOutcome:
        self._tell(file.path, FileStage.UPLOADING)
        try:
            settled = await self._settled(file.recording_id)
        except PlatformUnreachable as unreachable:
            return replace(base, reason=str(unreachable))
        return await self._judged(base, settled)

    async def _settled(self, recording_id: str) -> Settled:
        settling = asyncio.ensure_future(self._uplink.settled(recording_id))
        seen = self._uplink.changes
        try:
            while not settling.done():
                seen = await self._uplink.wait_while_reachable(seen, self._patience_s)
            return settling.result()
        finally:
            settling.cancel()

    async def _judged(self, base: FileOutcome, settled: Settled) -> FileOutcome:
        outcome = replace(base, workout_id=settled.workout_id)
        if settled.failure:
            return replace(outcome, status=FileStatus.FAILED, reason=settled.failure)
        if settled.duplicate:
            return replace(outcome, status=FileStatus.DUPLICATE)
        recording = await self._spool.find(base.recording_id)
        refused = sum(source.rejected for source in recording.sources) if recording is not None else 0
        losses = base.losses
        if refused:
            losses += (f"{refused} samples were refused by the platform and set aside in the spool",)
        status = FileStatus.PARTIAL if losses else FileStatus.IMPORTED
        return replace(outcome, status=status, losses=losses)

    async def _note(self, entry: Entry, outcome: FileOutcome) -> None:
        if not entry.location.members and outcome.status not in (FileStatus.WAITING, FileStatus.NO_ROOM):
            await self._spool.note_file(
                SeenFile(
                    str(entry.location.path.absolute()),
                    entry.size_bytes,
                    entry.modified_ns,
                    outcome.status,
                    outcome.reason or "; ".join(outcome.losses),
                )
            )
        await self._journal.done(entry, outcome)

    def _tell(self, path: Path, stage: FileStage) -> None:
        if self._on_progress is not None:
            self._on_progress(path, stage)


def _entries_of(paths: Iterable[Path]) -> list[Entry]:
    return [entry_of(path, ordinal) for ordinal, path in enumerate(paths)]


def _undecodable(file: _File, error: Exception) -> FileOutcome:
    return FileOutcome(file.path, FileStatus.UNREADABLE, reason=str(error), fault=UNDECODABLE)


def _original(file: _File) -> Original:
    location = file.entry.location
    return Original(
        str(location.path.absolute()),
        location.name[:255],
        file.sha256,
        file.size_bytes,
        file.recording_id,
        location.members_text(),
    )


def _archived_original(
    reader: ArchiveReader, location: Location, found: archived.ArchivedRecording
) -> Original | None:
    """The file that a workout of an archive was made of, which lies beside it."""
    member = reader.member_named(location.container, found.original_name) if found.original_name else None
    if member is None:
        return None
    place = location.container.within(member)
    return Original(
        str(place.path.absolute()),
        place.name[:255],
        found.original_sha256,
        member.size_bytes,
        found.recording.new.recording_id,
        place.members_text(),
    )


def _same_as(path: Path, first: FileOutcome) -> FileOutcome:
    """The outcome of a file whose content another one had."""
    if not first.workout_id:
        return replace(first, path=path)
    reason = f"the same file as {first.path}"
    return replace(first, path=path, status=FileStatus.DUPLICATE, reason=reason, losses=())
