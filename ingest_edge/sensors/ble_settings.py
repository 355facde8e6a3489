"""Every time and limit of the Bluetooth LE source."""

from __future__ import annotations

from dataclasses import dataclass

from ingest_edge.sensors.rates import DEFAULT_WHEEL_CIRCUMFERENCE_M


@dataclass(frozen=True, slots=True)
class BleSettings:
    """Settings of :class:`~ingest_edge.sensors.ble.BleSensorSource`; times in seconds.

    Attributes:
        adapter: the Bluetooth adapter, e.g. ``"hci1"``; None takes the first powered one.
        wheel_circumference_m: distance of one turn of a wheel sensor in metres.
        concurrent_connects: connections set up at the same time; adapters fail beyond a handful.
        locate_timeout_s: how long one attempt waits for the sensor's advertisement.
        scan_round_s: a scan is stopped and started anew after this time, since the Bluetooth daemon may have
            died under it without a word.
        connect_timeout_s: link and service discovery.
        operation_timeout_s: one read or subscription.
        disconnect_timeout_s: the good-bye, after which the connection is given up.
        silence_timeout_s: no notification for this long means that the connection is dead, whatever it says.
        first_retry_s: the pause before the second attempt; each further pause doubles.
        longest_retry_s: the bound of that doubling.
        retry_jitter: each pause is drawn from the interval ``[1 - jitter, 1] * pause``.
    """

    adapter: str | None = None
    wheel_circumference_m: float = DEFAULT_WHEEL_CIRCUMFERENCE_M
    concurrent_connects: int = 4
    locate_timeout_s: float = 12.0
    scan_round_s: float = 10.0
    connect_timeout_s: float = 20.0
    operation_timeout_s: float = 10.0
    disconnect_timeout_s: float = 10.0
    silence_timeout_s: float = 15.0
    first_retry_s: float = 0.5
    longest_retry_s: float = 15.0
    retry_jitter: float = 0.5
