"""FIT's base types."""

from __future__ import annotations

from enum import Enum


class BaseType(Enum):
    """FIT's base types: the number in a definition, numpy's kind, and the value that means "none"."""

    ENUM = (0x00, "u1", 0xFF)
    SINT8 = (0x01, "i1", 0x7F)
    UINT8 = (0x02, "u1", 0xFF)
    STRING = (0x07, "S", 0)
    UINT8Z = (0x0A, "u1", 0)
    BYTE = (0x0D, "u1", 0xFF)
    SINT16 = (0x83, "i2", 0x7FFF)
    UINT16 = (0x84, "u2", 0xFFFF)
    SINT32 = (0x85, "i4", 0x7FFFFFFF)
    UINT32 = (0x86, "u4", 0xFFFFFFFF)
    FLOAT32 = (0x88, "f4", float("nan"))
    FLOAT64 = (0x89, "f8", float("nan"))
    UINT16Z = (0x8B, "u2", 0)
    UINT32Z = (0x8C, "u4", 0)
    SINT64 = (0x8E, "i8", 0x7FFFFFFFFFFFFFFF)
    UINT64 = (0x8F, "u8", 0xFFFFFFFFFFFFFFFF)
    UINT64Z = (0x90, "u8", 0)

    def __init__(self, code: int, kind: str, invalid: float) -> None:
        self.code = code
        self.kind = kind
        self.invalid = invalid

    @property
    def size(self) -> int:
        """Bytes of one item."""
        return 1 if self is BaseType.STRING else int(self.kind[1])

    @property
    def floats(self) -> bool:
        """True where items are floating-point numbers; their invalid is written as all bits set."""
        return self.kind[0] == "f"
