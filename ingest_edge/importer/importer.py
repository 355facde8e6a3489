"""The importer: reads device files one after the other while the uplink brings up what was read before."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingest_edge.files.decoder import NotAnActivity, UnreadableFile
from ingest_edge.files.isolation import DecoderProcess
from ingest_edge.importer.outcome import FileOutcome, FileStage, FileStatus, OnProgress
from ingest_edge.importer.translation import ImportedRecording, recording_of
from ingest_edge.spool import (
    WAITING_STATES,
    Original,
    SeenFile,
    Spool,
    SpooledRecording,
    SpoolFull,
    SpoolRefused,
    recording_id_of_digest,
)
from ingest_edge.uplink import PlatformUnreachable, Settled, Uplink
from pulsemesh.client import Client
from pulsemesh.errors import PulsemeshError

_ROOM_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class _File:
    """A file at one moment."""

    path: Path
    size_bytes: int
    modified_ns: int
    sha256: str

    @property
    def recording_id(self) -> str:
        return recording_id_of_digest(self.sha256)


class Importer:
    """Imports files through a spool whose `uplink` is running.

    What was read is safe in the spool before the next file is touched, so an import that is cancelled or
    killed goes on where it was when it is started again with the same files.

    Args:
        decoder: reads the files, away from this process.
        patience_s: how long the platform may be silent before the rest is left waiting in the spool.
    """

    def __init__(
        self,
        spool: Spool,
        uplink: Uplink,
        client: Client,
        decoder: DecoderProcess,
        *,
        writer_id: str,
        patience_s: float,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._spool = spool
        self._uplink = uplink
        self._client = client
        self._decoder = decoder
        self._writer_id = writer_id
        self._patience_s = patience_s
        self._on_progress = on_progress
        self._uploads: dict[str, asyncio.Task[FileOutcome]] = {}
        self.outcomes: list[FileOutcome] = []
        """What became of the files so far, in the order in which it was known."""

    async def run(self, paths: Sequence[Path]) -> list[FileOutcome]:
        """Import these files; returns their outcomes in the order of `paths`.

        A bad file costs only itself.

        Raises:
            SpoolError: the spool cannot be used any more.
            CredentialsRefused: the platform refuses our credentials; what was read is in the spool.
        """
        works: list[asyncio.Task[FileOutcome]] = []
        try:
            for path in paths:
                works.append(await self._begin(path))
            return list(await asyncio.gather(*works))
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            self._uploads.clear()

    async def _begin(self, path: Path) -> asyncio.Task[FileOutcome]:
        """Bring a file into the spool; the task that is returned follows it to the platform."""
        self._tell(path, FileStage.READING)
        try:
            file = await asyncio.to_thread(_look_at, path)
        except OSError as error:
            problem = FileOutcome(path, FileStatus.UNREADABLE, reason=f"cannot be read: {error.strerror}")
            return asyncio.create_task(self._done(None, problem))
        earlier = self._uploads.get(file.sha256)
        if earlier is not None:
            return asyncio.create_task(self._same_as(file, earlier))
        outcome = await self._known(file) or await self._spooled(file)
        follow = (
            self._done(file, outcome) if isinstance(outcome, FileOutcome) else self._follow(file, outcome)
        )
        task = asyncio.create_task(follow)
        self._uploads[file.sha256] = task
        return task

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

    async def _spooled(self, file: _File) -> FileOutcome | ImportedRecording | SpooledRecording:
        """What was read and is in the spool now, or why not."""
        existing = await self._spool.find(file.recording_id)
        if existing is not None and existing.state in WAITING_STATES:
            return existing
        self._tell(file.path, FileStage.DECODING)
        try:
            activity = await asyncio.to_thread(self._decoder.decode, file.path)
            recording = await asyncio.to_thread(recording_of, activity, file.sha256, self._writer_id)
            await self._add(file, recording)
        except NotAnActivity as other:
            return FileOutcome(file.path, FileStatus.NOT_AN_ACTIVITY, reason=str(other))
        except UnreadableFile as unreadable:
            return FileOutcome(file.path, FileStatus.UNREADABLE, reason=str(unreadable))
        except (OSError, ValueError) as error:
            return FileOutcome(file.path, FileStatus.UNREADABLE, reason=str(error))
        except SpoolRefused as full:
            return FileOutcome(file.path, FileStatus.NO_ROOM, file.recording_id, reason=str(full))
        return recording

    async def _add(self, file: _File, recording: ImportedRecording) -> None:
        original = Original(
            str(file.path.absolute()), file.path.name[:255], file.sha256, file.size_bytes, file.recording_id
        )
        self._uplink.forget(file.recording_id)
        while True:
            try:
                await self._spool.add_whole(recording.new, recording.sources, recording.details, original)
            except SpoolFull:
                # What goes up makes room; without that there is none to wait for.
                if not self._uplink.connected or all(upload.done() for upload in self._uploads.values()):
                    raise
                await asyncio.sleep(_ROOM_POLL_S)
            else:
                return

    async def _follow(self, file: _File, recording: ImportedRecording | SpooledRecording) -> FileOutcome:
        self._tell(file.path, FileStage.UPLOADING)
        losses = recording.losses if isinstance(recording, ImportedRecording) else ()
        base = FileOutcome(
            file.path, FileStatus.WAITING, file.recording_id, samples=recording.samples, losses=losses
        )
        try:
            settled = await self._settled(file.recording_id)
        except PlatformUnreachable as unreachable:
            return await self._done(file, replace(base, reason=str(unreachable)))
        return await self._done(file, await self._judged(base, settled))

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

    async def _same_as(self, file: _File, earlier: asyncio.Task[FileOutcome]) -> FileOutcome:
        first = await asyncio.shield(earlier)
        if not first.workout_id:
            return await self._done(file, replace(first, path=file.path))
        reason = f"the same file as {first.path}"
        return await self._done(
            file, replace(first, path=file.path, status=FileStatus.DUPLICATE, reason=reason, losses=())
        )

    async def _done(self, file: _File | None, outcome: FileOutcome) -> FileOutcome:
        if file is not None and outcome.status not in (FileStatus.WAITING, FileStatus.NO_ROOM):
            await self._spool.note_file(
                SeenFile(
                    str(file.path.absolute()),
                    file.size_bytes,
                    file.modified_ns,
                    outcome.status,
                    outcome.reason or "; ".join(outcome.losses),
                )
            )
        self.outcomes.append(outcome)
        self._tell(outcome.path, FileStage.DONE)
        return outcome

    def _tell(self, path: Path, stage: FileStage) -> None:
        if self._on_progress is not None:
            self._on_progress(path, stage)


def _look_at(path: Path) -> _File:
    with path.open("rb") as stream:
        status = path.stat()
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return _File(path, status.st_size, status.st_mtime_ns, digest)
