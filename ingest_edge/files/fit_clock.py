"""FIT's time stamps as Unix milliseconds, also those of a device whose clock was never set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest_edge.files.fit_messages import FitMessage
from ingest_edge.files.fit_profile import (
    FIRST_ABSOLUTE_TIMESTAMP,
    TIMESTAMP,
    UNIX_TIME_OF_FIT_EPOCH_S,
    MessageNumber,
)

_END_OF_TIME = float(1 << 32)
"""In FIT seconds: the year 2126, when their 32 bits are at their end."""

Float64Array = npt.NDArray[np.float64]


class FitClock:
    """Learns from a link's messages how its device counts time, then converts.

    Small time stamps count seconds since the device was switched on. A `timestamp_correlation` message says
    when that was. Without one it is guessed (`guessed`): from the local time in the `activity` message, taken
    as UTC, else by taking the file's creation for the first small time stamp.
    """

    def __init__(self) -> None:
        self._switched_on: int | None = None
        self._local_origin: int | None = None
        self._created: int | None = None
        self._first_relative: tuple[int, int] | None = None
        self.guessed = False

    def learn(self, message: FitMessage) -> None:
        """Take in one message, whatever it is."""
        timestamp = message.values.get(TIMESTAMP)
        if message.number == MessageNumber.FILE_ID:
            created = message.values.get(4)
            if isinstance(created, int) and created >= FIRST_ABSOLUTE_TIMESTAMP:
                self._created = created
        elif message.number == MessageNumber.TIMESTAMP_CORRELATION:
            system = message.values.get(1)
            if isinstance(timestamp, int) and isinstance(system, int):
                self._switched_on = timestamp - system
        elif isinstance(timestamp, int) and timestamp < FIRST_ABSOLUTE_TIMESTAMP:
            local = message.values.get(5)
            if message.number == MessageNumber.ACTIVITY and isinstance(local, int):
                self._local_origin = local - timestamp
            else:
                self.learn_relative(message.offset, timestamp)

    def learn_relative(self, offset: int, timestamp: int) -> None:
        """Take in a small time stamp of the message at that byte of the file; the first one counts."""
        if self._first_relative is None or offset < self._first_relative[0]:
            self._first_relative = (offset, timestamp)

    def unix_ms(self, fit_seconds: object) -> int | None:
        """One time stamp; None where it is absent or cannot be placed."""
        if not isinstance(fit_seconds, int | float):
            return None
        converted = self.unix_ms_array(np.array([float(fit_seconds)]))[0]
        return None if np.isnan(converted) else round(float(converted))

    def unix_ms_array(self, fit_seconds: Float64Array) -> Float64Array:
        """Time stamps of shape (n,), NaN where one is absent. What cannot be placed becomes NaN too."""
        relative = fit_seconds < FIRST_ABSOLUTE_TIMESTAMP
        if relative.any():
            fit_seconds = np.where(relative, fit_seconds + self._origin(), fit_seconds)
        possible = (fit_seconds >= 0) & (fit_seconds < _END_OF_TIME)
        return np.where(possible, (fit_seconds + UNIX_TIME_OF_FIT_EPOCH_S) * 1000.0, np.nan)

    def _origin(self) -> float:
        """When the device was switched on, in FIT seconds; NaN where nothing tells."""
        if self._switched_on is not None:
            return self._switched_on
        self.guessed = True
        if self._local_origin is not None:
            return self._local_origin
        if self._created is not None and self._first_relative is not None:
            return self._created - self._first_relative[1]
        self.guessed = False
        return float("nan")
