"""Making the archive of an export: everything that every domain holds of a person, in one zip file.

The workout domain hands over its own archive, which our tools import; the rest is added to that file, so that
the whole is an archive that our tools import, too.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from services.chassis.database import Database
from services.consent.rights import store
from services.consent.rights.domains import Domain
from services.consent.rights.progress import Progress

ARCHIVE_PART = "workout/archive.zip"
"""The part that the others are added to."""

FOLDER = "personal-data"
PIECE_BYTES = 1 << 20


async def make_archive(
    database: Database,
    request_pk: int,
    user_id: str,
    domains: Sequence[Domain],
    progress: Progress,
    *,
    made_at: str,
    scratch: Path,
) -> int:
    """Collect, pack and keep; returns the size of the archive in bytes.

    Args:
        scratch: where parts lie meanwhile; see `sweep`.

    Raises:
        RequestEnded: nobody waits for it any more.
        Exception: a domain could not answer: nothing is kept, and the whole is repeated later.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        for domain in domains:
            try:
                size = await _collect(domain, user_id, folder / "parts")
            except Exception as error:
                await progress.failed(domain.name, error)
                raise
            await progress.exported(domain.name, size)
        archive = folder / "export.zip"
        await asyncio.to_thread(_pack, folder / "parts", archive, user_id, made_at)
        return await _keep(database, request_pk, archive)


def sweep(scratch: Path) -> None:
    """Remove what a process that was killed has left: it is somebody's. While nothing is being made."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)


async def _collect(domain: Domain, user_id: str, parts: Path) -> int:
    size = 0
    async for path, content in domain.export(user_id):
        target = _inside(parts, path)
        size += len(content)
        await asyncio.to_thread(_append, target, content)
    return size


def _inside(folder: Path, path: str) -> Path:
    """Where a part goes. Domains are believed, and still write nowhere else."""
    target = (folder / path).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ValueError(f"a part may not be called {path!r}")
    return target


def _append(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("ab") as file:
        file.write(content)


def _pack(parts: Path, archive: Path, user_id: str, made_at: str) -> None:
    workouts = parts / ARCHIVE_PART
    if workouts.exists():
        shutil.move(workouts, archive)
    with zipfile.ZipFile(archive, "a" if archive.exists() else "w", zipfile.ZIP_DEFLATED) as packed:
        files = sorted(path for path in parts.rglob("*") if path.is_file()) if parts.exists() else []
        for file in files:
            packed.write(file, f"{FOLDER}/{file.relative_to(parts).as_posix()}")
        about = {"person": user_id, "made_at": made_at, "files": [_name(parts, file) for file in files]}
        packed.writestr(f"{FOLDER}/index.json", json.dumps(about, indent=1))


def _name(parts: Path, file: Path) -> str:
    return f"{FOLDER}/{file.relative_to(parts).as_posix()}"


async def _keep(database: Database, request_pk: int, archive: Path) -> int:
    async with database.write() as transaction:
        await transaction.run(store.drop_pieces, request_pk)
    size = 0
    with archive.open("rb") as file:
        while contents := await asyncio.to_thread(_read, file, 8):
            async with database.write() as transaction:
                size = await transaction.run(store.keep_pieces, request_pk, size, contents)
    return size


def _read(file: object, pieces: int) -> list[bytes]:
    read: Iterable[bytes] = (file.read(PIECE_BYTES) for _ in range(pieces))  # type: ignore[attr-defined]
    return [piece for piece in read if piece]
