"""What a server grants its clients."""

from __future__ import annotations

from dataclasses import dataclass

# Silence longer than this many heartbeat intervals means that the other side is dead.
MISSED_HEARTBEATS = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server grants its clients."""

    credit: int = 16
    """Batches that may be on their way unacknowledged."""
    heartbeat_interval_s: float = 10.0
    max_batch_samples: int = 5_000
    earliest_before_start_ms: int = 86_400_000
    """How far before the recording's start a sample may lie."""
    latest_after_now_ms: int = 86_400_000
    """How far ahead of the server's clock a sample may lie."""
