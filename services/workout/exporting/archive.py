"""Everything of a person as one zip file, made while it is sent.

One workout at a time is read, encoded in a worker thread and sent on when the client has room: memory holds
one workout and the directory of the archive, whatever there is in all.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import structlog

from ingest_edge.files.pulsemesh_archive import DERIVATIONS, MANIFEST, delimited
from pulsemesh.workout.v1 import archive_pb2
from pulsemesh.workout.v1 import export_service_pb2 as wire
from services.chassis.database import Database
from services.workout.codec import CodecError
from services.workout.exporting import names, stored
from services.workout.exporting.derivations import archived_derivations
from services.workout.exporting.errors import FormatUnsuitable
from services.workout.exporting.lossless import archived_workout
from services.workout.exporting.manifest import ArchivedFile, Entry, Manifest
from services.workout.exporting.originals import read_original
from services.workout.exporting.renditions import pieces, render
from services.workout.exporting.single import CHUNK_BYTES
from services.workout.exporting.stored import StoredWorkout
from services.workout.exporting.zip_stream import ZipEntry, ZipStream

_PAGE = 200

_log = structlog.get_logger(__name__)


async def export_archive(
    database: Database, user_id: str, request: wire.ExportArchiveRequest, now_ms: int
) -> AsyncGenerator[wire.ExportArchiveResponse, None]:
    """Header, content with progress in between, trailer."""
    async with database.read() as view:
        total = await view.run(stored.count, user_id)
    day = datetime.fromtimestamp(now_ms / 1000, UTC)
    header = wire.ExportHeader(file_name=f"pulsemesh-{day:%Y-%m-%d}.zip", media_type="application/zip")
    yield wire.ExportArchiveResponse(header=header)
    archive = _Archive(database, user_id, now_ms, renditions=not request.without_renditions)
    progress = wire.ArchiveProgress(workouts_total=total)
    digest, size = hashlib.sha256(), 0
    async with aclosing(archive.parts()) as parts:
        async for part in parts:
            if isinstance(part, Entry):
                progress.workouts += 1
                progress.damaged += bool(part.problems)
                yield wire.ExportArchiveResponse(progress=progress)
                continue
            for piece in pieces(part, CHUNK_BYTES):
                yield wire.ExportArchiveResponse(chunk=piece)
            digest.update(part)
            size += len(part)
    trailer = wire.ExportTrailer(size_bytes=size, sha256=digest.hexdigest())
    yield wire.ExportArchiveResponse(trailer=trailer)


class _Archive:
    def __init__(self, database: Database, user_id: str, now_ms: int, *, renditions: bool) -> None:
        self._database = database
        self._user_id = user_id
        self._now_ms = now_ms
        self._renditions = renditions
        self._zip = ZipStream()
        self._manifest = Manifest(user_id, now_ms)

    async def parts(self) -> AsyncGenerator[bytes | Entry, None]:
        """Bytes of the zip file, and each workout when all of it was given."""
        whole = False
        try:
            async for part in self._parts():
                yield part
            whole = True
        finally:
            if not whole:
                # A step may be under way in a thread, and whoever left waits for nobody.
                asyncio.get_running_loop().run_in_executor(None, self._zip.abandon)

    async def _parts(self) -> AsyncIterator[bytes | Entry]:
        async for workout_id in self._workout_ids():
            async with self._database.read() as view:
                found = await view.run(stored.load, self._user_id, workout_id)
                recorded = None if found is None else await view.run(stored.as_recorded, found)
            if found is None or recorded is None:  # deleted meanwhile
                continue
            entry = Entry(found)
            yield await asyncio.to_thread(self._add_encoded, entry, recorded)
            async for part in self._original(entry):
                yield part
            self._manifest.add(entry)
            yield entry
        async with self._database.read() as view:
            derivations = await view.run(archived_derivations, self._user_id)
        yield await asyncio.to_thread(self._finish, derivations)

    async def _workout_ids(self) -> AsyncIterator[str]:
        after = 0
        while True:
            async with self._database.read() as view:
                page = await view.run(stored.page_of_ids, self._user_id, after, _PAGE)
            for row in page:
                yield row.workout_id
            if len(page) < _PAGE:
                return
            after = page[-1].workout_pk

    def _add_encoded(self, entry: Entry, recorded: StoredWorkout) -> bytes:
        """Add what is made of the stored samples; what cannot be read is told, and ends nothing."""
        try:
            content = delimited(archived_workout(recorded))
            self._add(entry, f"workouts/{_stem(entry)}.pulsemesh", "workout", content)
            # What is hidden is in another workout too: other tools would take both.
            if self._renditions and not entry.stored.row.hidden:
                self._add_fit(entry)
        except CodecError as damage:
            _log.error("export.workout_damaged", workout_id=entry.stored.row.workout_id, reason=str(damage))
            entry.problems.append(f"stored samples cannot be read: {damage}")
        return self._zip.take()

    def _add_fit(self, entry: Entry) -> None:
        try:
            rendition = render(entry.stored, wire.EXPORT_FORMAT_FIT)
        except FormatUnsuitable:
            return  # the lossless form has it all
        self._add(entry, f"fit/{rendition.file_name}", "fit", b"".join(rendition.blocks))

    def _add(self, entry: Entry, name: str, role: str, content: bytes) -> None:
        sha256 = self._zip.add(name, content, entry.stored.row.updated_ms)
        entry.files.append(ArchivedFile(name, role, len(content), sha256))

    async def _original(self, entry: Entry) -> AsyncIterator[bytes]:
        file = entry.stored.file
        if file is None:
            return
        name = f"originals/{_stem(entry)}/{names.safe(file.name)}"
        target = self._zip.entry(name, file.uploaded_ms, file.size_bytes)
        async for part in read_original(self._database, file):
            yield await asyncio.to_thread(self._write_part, target, part)
        await asyncio.to_thread(target.close)
        entry.files.append(ArchivedFile(name, "original", target.size_bytes, target.sha256))
        yield self._zip.take()

    def _write_part(self, target: ZipEntry, part: bytes) -> bytes:
        target.write(part)
        return self._zip.take()

    def _finish(self, derivations: Sequence[archive_pb2.ArchivedDerivation]) -> bytes:
        if derivations:
            content = b"".join(delimited(derivation) for derivation in derivations)
            sha256 = self._zip.add(DERIVATIONS, content, self._now_ms)
            self._manifest.add_derivations(ArchivedFile(DERIVATIONS, "derivations", len(content), sha256))
        self._zip.add(MANIFEST, self._manifest.content(), self._now_ms)
        self._zip.finish()
        return self._zip.take()


def _stem(entry: Entry) -> str:
    return names.stem(entry.stored.row)
