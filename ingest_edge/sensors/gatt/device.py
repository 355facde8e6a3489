"""Battery Level (0x2A19) and the strings of the Device Information Service (0x180A)."""

from __future__ import annotations

from ingest_edge.sensors.gatt.fields import FieldReader

BATTERY_CHARACTERISTIC = "2A19"

DEVICE_INFORMATION_FIELDS = {
    "2A24": "model_number",
    "2A25": "serial_number",
    "2A26": "firmware_revision",
    "2A27": "hardware_revision",
    "2A28": "software_revision",
    "2A29": "manufacturer_name",
}
"""The string characteristics of the Device Information Service and our names of them."""


def parse_battery_level(data: bytes | bytearray | memoryview) -> int:
    """Parse a 2A19 value to percent.

    Raises:
        MalformedMeasurement: the value is empty or above 100 (101 to 255 are reserved).
    """
    reader = FieldReader(BATTERY_CHARACTERISTIC, data)
    above_range = reader.malformed("a battery level is at most 100 %")
    percent = reader.unsigned(1, "battery level")
    if percent > 100:
        raise above_range
    return percent


def encode_battery_level(percent: int) -> bytes:
    """Encode a 2A19 value."""
    return percent.to_bytes(1, "little")


def parse_device_string(data: bytes | bytearray | memoryview) -> str:
    """Parse a string characteristic: UTF-8; padding with NUL and blanks is cut, bad octets become U+FFFD."""
    return bytes(data).split(b"\0", 1)[0].decode("utf-8", errors="replace").strip()


def encode_device_string(text: str) -> bytes:
    """Encode a string characteristic."""
    return text.encode()
