"""Little-endian field readers and writers with bounds checks, shared by every characteristic."""

from __future__ import annotations

from collections.abc import Sequence

from ingest_edge.sensors.gatt.errors import MalformedMeasurement


class FieldReader:
    """Reads consecutive little-endian fields of one characteristic value.

    Octets after the last announced field are not an error: the profiles tell a collector to ignore what a
    newer revision of a service may append.
    """

    __slots__ = ("_characteristic", "_data", "_offset")

    def __init__(self, characteristic: str, data: bytes | bytearray | memoryview) -> None:
        self._characteristic = characteristic
        self._data = bytes(data)
        self._offset = 0

    @property
    def remaining(self) -> int:
        """How many octets are not read yet."""
        return len(self._data) - self._offset

    def unsigned(self, octets: int, name: str) -> int:
        """Read an unsigned integer of ``octets`` octets; ``name`` stands in the error."""
        return int.from_bytes(self._take(octets, name), "little")

    def signed(self, octets: int, name: str) -> int:
        """Read a two's complement integer of ``octets`` octets."""
        return int.from_bytes(self._take(octets, name), "little", signed=True)

    def malformed(self, reason: str) -> MalformedMeasurement:
        """Make the error for the field that starts here."""
        return MalformedMeasurement(self._characteristic, self._offset, reason)

    def _take(self, octets: int, name: str) -> bytes:
        if self.remaining < octets:
            raise self.malformed(f"{name} needs {octets} octets, {self.remaining} left")
        start = self._offset
        self._offset += octets
        return self._data[start : self._offset]


class FieldWriter:
    """Writes consecutive little-endian fields, the mirror of :class:`FieldReader`.

    Raises ``OverflowError`` for a value that its field cannot hold.
    """

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def unsigned(self, value: int, octets: int) -> None:
        """Append an unsigned integer of ``octets`` octets."""
        self._data += value.to_bytes(octets, "little")

    def signed(self, value: int, octets: int) -> None:
        """Append a two's complement integer of ``octets`` octets."""
        self._data += value.to_bytes(octets, "little", signed=True)

    def value(self) -> bytes:
        """Everything written so far."""
        return bytes(self._data)


def flag_bits(conditions: Sequence[bool]) -> int:
    """Pack booleans into a flags field, the first one into bit 0."""
    return sum(1 << bit for bit, condition in enumerate(conditions) if condition)
