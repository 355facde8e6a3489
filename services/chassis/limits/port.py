"""The port: may this caller go on, and if not, when?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Decision:
    """The limiter's answer.

    Attributes:
        allowed: whether the call may go on; only then a token was taken.
        retry_after: seconds after which a token is there; 0.0 when allowed.
    """

    allowed: bool
    retry_after: float = 0.0


class RateLimiter(Protocol):
    """A token bucket per key: `burst` tokens at most, `rate` new ones each `period` seconds."""

    async def take(self, key: str, rate: float, period: float, burst: int) -> Decision:
        """Take a token of `key`, if there is one.

        Never raises because a server is down: the adapter then decides as it was told when it was made.

        Args:
            key: whom and what is limited, such as ``user/method``. The same key always comes with the same
                `rate`, `period` and `burst`.
            rate: tokens per period.
            period: seconds.
            burst: tokens that an idle key has saved up, at least 1.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
