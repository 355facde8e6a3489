"""Pauses between attempts."""

from __future__ import annotations

import random


class Backoff:
    """Exponential pauses with jitter, so that fifty sensors lost at once do not come back at once.

    Args:
        first_s: the first pause before jitter, in seconds.
        longest_s: the bound of the doubling.
        jitter: each pause is drawn evenly from ``[1 - jitter, 1] * pause``; 0 to 1.
        generator: the source of the jitter.
    """

    def __init__(
        self, first_s: float, longest_s: float, jitter: float, generator: random.Random | None = None
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._random = generator or random.Random()
        self._next_s = first_s

    def next_pause_s(self) -> float:
        """Draw the next pause in seconds."""
        pause_s = min(self._next_s, self._longest_s)
        self._next_s = min(self._next_s * 2, self._longest_s)
        return pause_s * self._random.uniform(1 - self._jitter, 1)

    def reset(self) -> None:
        """Start again from the first pause."""
        self._next_s = self._first_s
