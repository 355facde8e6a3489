"""The one error of the GATT parsers."""

from __future__ import annotations


class MalformedMeasurement(ValueError):
    """A characteristic's value ends before the fields that its flags announce, or holds a forbidden value.

    Attributes:
        characteristic: the characteristic's 16-bit number as four upper-case hexadecimal digits, e.g.
            ``"2A37"``.
        offset: the byte offset at which the missing or wrong field starts.
        reason: what is wrong there, for a log line.
    """

    def __init__(self, characteristic: str, offset: int, reason: str) -> None:
        super().__init__(f"{characteristic} at byte {offset}: {reason}")
        self.characteristic = characteristic
        self.offset = offset
        self.reason = reason
