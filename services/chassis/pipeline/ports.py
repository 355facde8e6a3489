"""What the stages of the pipeline need from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from services.chassis.audit import AuditSink, LogAudit
from services.chassis.auth.port import Authenticator, NobodyAuthenticator
from services.chassis.auth.revocation import RevocationList
from services.chassis.consent import ClosedConsentGate, ConsentGate
from services.chassis.limits import RateLimiter
from services.chassis.pipeline.draining import Draining
from services.chassis.pipeline.origins import Origins
from services.chassis.telemetry import Telemetry


class AnswerCache(Protocol):
    """Bytes that may be given again for a while."""

    async def get(self, key: str) -> bytes | None:
        """What was put, unless its time is over."""
        ...

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep `value` for `ttl` seconds at most."""
        ...


@dataclass(frozen=True)
class PipelinePorts:
    """The adapters that stand behind the stages; the defaults let nobody in and allow nothing.

    Attributes:
        cell: the name of the cell that this server belongs to.
        limiter: None switches rate limits off, which only tests and benchmarks do.
        strict_limiter: for methods whose policy closes them while the counters are away: it raises then. None
            uses `limiter`.
        cache: None answers every call anew.
        events_reach_cache: False where an event cannot end what this process keeps: methods whose answers
            events invalidate are then answered anew.
        revocations: tokens that are void before their time.
        origins: whose word is taken for from where a call came; the default takes nobody's.
        mutual_tls: connections show certificates; a service is believed over one with its own alone.
        believes_on_behalf_of: a service is believed when it names the person for whom it calls in a header.
            Only where nobody else can call: a token that says so is needed otherwise.
    """

    cell: str
    authenticator: Authenticator = field(default_factory=NobodyAuthenticator)
    consent: ConsentGate = field(default_factory=ClosedConsentGate)
    limiter: RateLimiter | None = None
    strict_limiter: RateLimiter | None = None
    cache: AnswerCache | None = None
    events_reach_cache: bool = True
    revocations: RevocationList = field(default_factory=RevocationList)
    audit: AuditSink = field(default_factory=LogAudit)
    telemetry: Telemetry = field(default_factory=Telemetry)
    draining: Draining = field(default_factory=Draining)
    origins: Origins = field(default_factory=Origins)
    mutual_tls: bool = False
    believes_on_behalf_of: bool = False
