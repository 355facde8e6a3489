"""Archives that a platform exported: everything of a person, to be read back equal.

An archive is a zip file. `manifest.json` says what is in it; each `workouts/*.pulsemesh` holds one
`pulsemesh.workout.v1.ArchivedWorkout`, led by its length as a varint; `originals/` and `fit/` hold what other
tools read. Archives come from anywhere, so nothing in one is trusted: sizes are bounded before anything is
unpacked, names are never used as paths, and each file must have the SHA-256 that the manifest says.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from google.protobuf.message import DecodeError, Message

from ingest_edge.files.decoder import UnreadableFile
from pulsemesh.workout.v1 import archive_pb2

FORMAT = "pulsemesh-archive"
"""`format` in the manifest."""

VERSION = 1
"""The newest version that is read, and the one that is written."""

MANIFEST = "manifest.json"

DERIVATIONS = "derivations.pulsemesh"
"""`ArchivedDerivation` messages, each led by its length; absent where no workout came of others."""

MAX_MANIFEST_BYTES = 256 * 1024 * 1024
MAX_WORKOUT_BYTES = 256 * 1024 * 1024
"""Of one workout, unpacked: about twenty million samples."""

_BLOCK_BYTES = 1 << 20
# The others can make far more of a byte than deflate's thousand, and we never write them.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_RECORDING_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
# What zipfile raises of a damaged file, depending on where the damage is.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
    OSError,
)


def parsed_workout(name: str, content: bytes) -> archive_pb2.ArchivedWorkout:
    """The workout that a file of `workouts/` holds. Raises `UnreadableFile` where it is damaged."""
    return _parsed(name, content)


def parsed_derivations(content: bytes) -> list[archive_pb2.ArchivedDerivation]:
    """What `derivations.pulsemesh` holds, the oldest first. Raises `UnreadableFile` where it is damaged."""
    return list(_several(DERIVATIONS, content))


def delimited(message: Message) -> bytes:
    """A message as the archive keeps it: its length as a varint, then the message."""
    content = message.SerializeToString(deterministic=True)
    return _varint(len(content)) + content


@dataclass(frozen=True)
class ArchivedEntry:
    """One workout of an archive; `read` unpacks it."""

    name: str
    recording_id: str
    original_name: str | None
    """The original in the same archive, for `PulsemeshArchive.content`; None where there is none."""
    _archive: PulsemeshArchive = field(repr=False)
    _sha256: str = field(repr=False)

    def read(self) -> archive_pb2.ArchivedWorkout:
        """The workout. Raises `UnreadableFile` where it is damaged or not what the manifest says."""
        content = self._archive.content(self.name, MAX_WORKOUT_BYTES)
        if hashlib.sha256(content).hexdigest() != self._sha256:
            raise UnreadableFile(f"{self.name} does not have the SHA-256 that the manifest says")
        workout = _parsed(self.name, content)
        if workout.recording_id != self.recording_id:
            raise UnreadableFile(f"{self.name} is not the workout that the manifest says")
        return workout


class PulsemeshArchive:
    """An archive that is open; a context manager. Reading is work for a worker thread, one at a time."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Mapping[str, Any]) -> None:
        self._zip = archive
        self.person = str(manifest.get("person", ""))
        """The id of the person whose archive it is, on the platform that exported it."""
        self._workouts = _entries(manifest)
        self._derivations = manifest.get("derivations")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """How many workouts the manifest lists, those included that could not be exported."""
        return len(self._workouts)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def entries(self) -> Iterator[ArchivedEntry]:
        """The workouts, in the order in which they were made. Raises `UnreadableFile` for a bad manifest."""
        for workout in self._workouts:
            file = _file_of(workout, "workout")
            if file is None:
                continue
            original = _file_of(workout, "original")
            yield ArchivedEntry(
                file["name"],
                _recording_id(workout),
                None if original is None else original["name"],
                self,
                file["sha256"],
            )

    def derivations(self) -> list[archive_pb2.ArchivedDerivation]:
        """How workouts of the archive came of others of it, the oldest first.

        Raises `UnreadableFile` where it is damaged.
        """
        if self._derivations is None:
            return []
        content = self.content(DERIVATIONS, MAX_MANIFEST_BYTES)
        sha256 = self._derivations.get("sha256") if isinstance(self._derivations, dict) else None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise UnreadableFile(f"{DERIVATIONS} does not have the SHA-256 that the manifest says")
        return parsed_derivations(content)

    def problems(self) -> Iterator[tuple[str, str]]:
        """Recording ids and reasons of what the platform could not export."""
        for workout in self._workouts:
            for problem in workout.get("problems", ()):
                yield str(workout.get("recording_id", "")), str(problem)

    def content(self, name: str, limit: int) -> bytes:
        """The unpacked content of a file of the archive, of at most `limit` bytes.

        Raises `UnreadableFile` where there is none, or it is damaged, or too large.
        """
        try:
            info = self._zip.getinfo(name)
            return _unpacked(self._zip, info, limit)
        except KeyError as missing:
            raise UnreadableFile(f"the archive has no {name}") from missing
        except _DAMAGE as damage:
            raise UnreadableFile(f"{name} cannot be unpacked: {damage}") from damage


def is_pulsemesh_archive(archive: zipfile.ZipFile) -> bool:
    """True where the zip file's manifest says that a platform of ours exported it."""
    try:
        manifest = _manifest(archive)
    except UnreadableFile:
        return False
    return manifest.get("format") == FORMAT


def open_archive(path: Path) -> PulsemeshArchive:
    """Open an archive; close it, or use it with `with`.

    Raises `UnreadableFile` where it is no such archive or of a newer version than this one reads, and the
    system's `OSError` where the file cannot be opened.
    """
    with path.open("rb"):
        pass  # what the system refuses is told as such
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as damage:
        raise UnreadableFile(f"not a zip file: {damage}") from damage
    try:
        manifest = _manifest(archive)
        _check_version(manifest)
        return PulsemeshArchive(archive, manifest)
    except UnreadableFile:
        archive.close()
        raise


def _manifest(archive: zipfile.ZipFile) -> Mapping[str, Any]:
    try:
        info = archive.getinfo(MANIFEST)
        document = json.loads(_unpacked(archive, info, MAX_MANIFEST_BYTES))
    except KeyError as missing:
        raise UnreadableFile(f"no {MANIFEST}: not a Pulsemesh archive") from missing
    except (*_DAMAGE, RecursionError) as damage:
        raise UnreadableFile(f"{MANIFEST} cannot be read: {damage}") from damage
    if not isinstance(document, dict):
        raise UnreadableFile(f"{MANIFEST} is not an object")
    return document


def _check_version(manifest: Mapping[str, Any]) -> None:
    if manifest.get("format") != FORMAT:
        raise UnreadableFile("not a Pulsemesh archive")
    version = manifest.get("version")
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise UnreadableFile(f"an archive of version {version}; this reads up to {VERSION}")


def _entries(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    workouts = manifest.get("workouts")
    if not isinstance(workouts, list) or not all(isinstance(workout, dict) for workout in workouts):
        raise UnreadableFile(f"{MANIFEST} has no list of workouts")
    return workouts


def _file_of(workout: Mapping[str, Any], role: str) -> Mapping[str, str] | None:
    files = workout.get("files")
    for file in files if isinstance(files, list) else ():
        if not isinstance(file, dict) or file.get("role") != role:
            continue
        if isinstance(file.get("name"), str) and isinstance(file.get("sha256"), str):
            return file
    return None


def _recording_id(workout: Mapping[str, Any]) -> str:
    recording_id = workout.get("recording_id")
    if not isinstance(recording_id, str) or not _RECORDING_ID.fullmatch(recording_id):
        raise UnreadableFile(f"{MANIFEST} has a workout without a recording id")
    return recording_id


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """All of a file, read in blocks, so that a false size costs no more than `limit`."""
    if info.compress_type not in _METHODS:
        raise UnreadableFile(f"{info.filename} is compressed in a way that is not read here")
    if info.file_size > limit:
        raise UnreadableFile(f"{info.filename} would unpack to {info.file_size} bytes")
    content = bytearray()
    with archive.open(info) as stream:
        while block := stream.read(_BLOCK_BYTES):
            content += block
            if len(content) > limit:
                raise UnreadableFile(f"{info.filename} unpacks to more than it says")
    return bytes(content)


def _parsed(name: str, content: bytes) -> archive_pb2.ArchivedWorkout:
    length, start = _read_varint(name, content)
    if len(content) - start != length:
        raise UnreadableFile(f"{name} holds {len(content) - start} of {length} bytes")
    try:
        return archive_pb2.ArchivedWorkout.FromString(content[start:])
    except DecodeError as error:
        raise UnreadableFile(f"{name} is not an archived workout") from error


def _several(name: str, content: bytes) -> Iterator[archive_pb2.ArchivedDerivation]:
    start = 0
    while start < len(content):
        length, head = _read_varint(name, content[start : start + 10])
        start += head
        message = content[start : start + length]
        if len(message) < length:
            raise UnreadableFile(f"{name} ends in a message")
        try:
            yield archive_pb2.ArchivedDerivation.FromString(message)
        except DecodeError as error:
            raise UnreadableFile(f"{name} holds something else") from error
        start += length


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _read_varint(name: str, content: bytes) -> tuple[int, int]:
    """The value, and where it ends."""
    value = 0
    for index, octet in enumerate(content[:10]):
        value |= (octet & 0x7F) << 7 * index
        if octet < 0x80:
            return value, index + 1
    raise UnreadableFile(f"{name} does not begin with a length")
