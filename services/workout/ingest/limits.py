"""What the ingest service grants each session."""

from __future__ import annotations

from pulsemesh.ingest.machine import Limits

LIMITS = Limits(credit=16, heartbeat_interval_s=10.0, max_batch_samples=5_000)
"""For streams: sixteen batches on their way keep a committer with 20 ms of linger busy."""

UNARY_LIMITS = Limits(credit=64, heartbeat_interval_s=10.0, max_batch_samples=5_000)
"""For `AppendSamples`: as many batches as the contract allows in one request."""
