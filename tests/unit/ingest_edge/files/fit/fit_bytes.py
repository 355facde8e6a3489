"""FIT files byte by byte: the tests say what lies in them, right or wrong."""

from __future__ import annotations

import struct
from collections.abc import Iterable

ENUM, SINT8, UINT8, STRING, UINT8Z, BYTE = 0x00, 0x01, 0x02, 0x07, 0x0A, 0x0D
SINT16, UINT16, SINT32, UINT32 = 0x83, 0x84, 0x85, 0x86
FLOAT32, FLOAT64, UINT16Z, UINT32Z = 0x88, 0x89, 0x8B, 0x8C
SINT64, UINT64, UINT64Z = 0x8E, 0x8F, 0x90

FILE_ID, RECORD, EVENT, HR, MONITORING = 0, 20, 21, 132, 55
FIELD_DESCRIPTION, DEVELOPER_DATA_ID = 206, 207

Field = tuple[int, int, int]
"""Number, size in bytes, base type."""


def crc16(content: bytes) -> int:
    """CRC-16/ARC, bit by bit."""
    crc = 0
    for octet in content:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def definition(
    local: int,
    message: int,
    fields: Iterable[Field],
    developer: Iterable[tuple[int, int, int]] = (),
    big: bool = False,
) -> bytes:
    """A definition message; `developer` fields are number, size, developer index."""
    fields, developer = list(fields), list(developer)
    header = 0x40 | local | (0x20 if developer else 0)
    content = struct.pack(">BBBHB" if big else "<BBBHB", header, 0, big, message, len(fields))
    content += b"".join(bytes(field) for field in fields)
    if developer:
        content += bytes([len(developer)]) + b"".join(bytes(field) for field in developer)
    return content


def data(local: int, layout: str, *values: object) -> bytes:
    """A data message: its values by the `struct` layout, which says the endianness."""
    return bytes([local]) + struct.pack(layout, *values)


def compressed(local: int, offset: int, layout: str, *values: object) -> bytes:
    """A data message with a compressed timestamp."""
    return bytes([0x80 | local << 5 | offset]) + struct.pack(layout, *values)


def fit_file(
    *messages: bytes,
    header_size: int = 14,
    checksum: int | None = None,
    header_checksum: int | None = None,
    data_size: int | None = None,
) -> bytes:
    """A file of these messages. What is not given is as it should be."""
    body = b"".join(messages)
    size = len(body) if data_size is None else data_size
    header = struct.pack("<BBHI4s", header_size, 0x20, 2100, size, b".FIT")
    if header_size >= 14:
        header += struct.pack("<H", crc16(header) if header_checksum is None else header_checksum)
    header = header.ljust(header_size, b"\0")
    content = header + body
    return content + struct.pack("<H", crc16(content) if checksum is None else checksum)


def field_description(
    developer: int, number: int, base_type: int, name: str, *, local: int = 14, native: int | None = None
) -> bytes:
    """The declaration of a developer field, with its definition."""
    fields = [(0, 1, UINT8), (1, 1, UINT8), (2, 1, UINT8), (3, 16, STRING), (8, 4, STRING), (15, 1, UINT8)]
    named = data(
        local,
        "<BBB16s4sB",
        developer,
        number,
        base_type,
        name.encode(),
        b"u",
        255 if native is None else native,
    )
    return definition(local, FIELD_DESCRIPTION, fields) + named


def developer_data_id(developer: int, *, local: int = 15) -> bytes:
    """The declaration of an app, with its definition."""
    return definition(local, DEVELOPER_DATA_ID, [(3, 1, UINT8)]) + data(local, "<B", developer)


def heart_rates(local: int, first: int, rates: Iterable[int]) -> bytes:
    """Records with a timestamp and a heart rate, one a second, for a definition `<IB`."""
    return b"".join(data(local, "<IB", first + index, rate) for index, rate in enumerate(rates))


RECORD_IB = definition(0, RECORD, [(253, 4, UINT32), (3, 1, UINT8)])
"""Local 0: timestamp and heart rate."""
