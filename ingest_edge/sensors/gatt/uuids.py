"""Assigned numbers of the services and characteristics that we read, and their 128-bit forms."""

from __future__ import annotations

BLUETOOTH_BASE_SUFFIX = "-0000-1000-8000-00805f9b34fb"

HEART_RATE_SERVICE = "180D"
DEVICE_INFORMATION_SERVICE = "180A"
BATTERY_SERVICE = "180F"
RUNNING_SPEED_CADENCE_SERVICE = "1814"
CYCLING_SPEED_CADENCE_SERVICE = "1816"
CYCLING_POWER_SERVICE = "1818"
FITNESS_MACHINE_SERVICE = "1826"


def uuid128(assigned_number: str) -> str:
    """Expand a 16-bit assigned number in hexadecimal (``"2A37"``) to the lower-case 128-bit UUID.

    BlueZ filters only by the long form: a short one matches nothing.
    """
    return f"0000{assigned_number.lower()}{BLUETOOTH_BASE_SUFFIX}"


def assigned_number(uuid: str) -> str | None:
    """The 16-bit assigned number of a 128-bit UUID, upper case; None for a vendor's own UUID."""
    lowered = uuid.lower()
    if len(lowered) == 36 and lowered.startswith("0000") and lowered.endswith(BLUETOOTH_BASE_SUFFIX):
        return lowered[4:8].upper()
    return None
