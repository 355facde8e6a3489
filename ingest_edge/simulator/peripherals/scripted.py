"""A sensor that sends a given list of frames, for tests that count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from ingest_edge.sensors.gatt import HeartRateMeasurement, encode_heart_rate_measurement
from ingest_edge.simulator.bluez.peripheral import Notification
from ingest_edge.simulator.peripherals.base import SimulatedSensor, notifying_service


class ScriptedSensor(SimulatedSensor):
    """Sends each frame of its script once, in order, whatever connections come and go; then stays silent.

    Args:
        address: Bluetooth address.
        frames: the values to notify; may be endless.
        service: 16-bit number of the measuring service.
        characteristic: 16-bit number of the notifying characteristic.
        name: advertised name.
        interval_s: seconds between bursts.
        burst: frames sent at once.
    """

    def __init__(
        self,
        address: str,
        frames: Iterable[bytes],
        *,
        service: str = "180D",
        characteristic: str = "2A37",
        name: str = "Scripted",
        interval_s: float = 0.01,
        burst: int = 1,
    ) -> None:
        super().__init__(address, name, notifying_service(service, characteristic), interval_s=interval_s)
        self._frames = iter(frames)
        self._characteristic = characteristic
        self._burst = burst

    def notifications(self, elapsed_s: float) -> Sequence[Notification]:
        """The next frames of the script."""
        return [(self._characteristic, frame) for frame in islice(self._frames, self._burst)]


def numbered_heart_rate_frame(sequence: int) -> bytes:
    """A heart rate measurement that carries ``sequence`` (0 to 65535) in its energy field."""
    measurement = HeartRateMeasurement(
        heart_rate_bpm=60 + sequence % 120, contact=True, energy_expended_kj=sequence
    )
    return encode_heart_rate_measurement(measurement)


def sequence_of(energy_kcal: float) -> int:
    """The sequence number of a reading that a numbered frame gave, from its ``energy`` in kcal."""
    return round(energy_kcal * 4.184)
