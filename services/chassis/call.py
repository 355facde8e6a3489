"""The call that the running code serves: who calls what, until when, as part of which trace."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from services.chassis.auth.principal import ANONYMOUS, Principal
from services.chassis.auth.revocation import Enrolment
from services.chassis.policy.model import MethodInfo

_HEXADECIMAL = frozenset("0123456789abcdef")


class Call:
    """One call, or one piece of background work.

    Attributes:
        method: what is called.
        principal: who calls; `ANONYMOUS` until authenticated.
        metadata: what the caller sent beside the request; of a key sent twice, the last.
        peer: the caller's address as gRPC writes it.
        draining: set once the server asks long calls to end, for streams that can end well by themselves.
        enrolment: of a stream that ends with its caller's session; None for other calls.
        audit_details: what the audit log shall say of the call beside who, what and when; see `note`.
    """

    __slots__ = (
        "_auth_context",
        "_deadline_at",
        "_trace_id",
        "audit_details",
        "draining",
        "enrolment",
        "metadata",
        "method",
        "peer",
        "principal",
    )

    def __init__(
        self,
        method: MethodInfo,
        *,
        metadata: Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]] = (),
        principal: Principal = ANONYMOUS,
        peer: str = "",
        deadline_s: float | None = None,
        draining: asyncio.Event | None = None,
        auth_context: Callable[[], Mapping[str, Iterable[bytes]]] | None = None,
    ) -> None:
        self.method = method
        self.metadata: Mapping[str, str | bytes] = dict(metadata)
        self.principal = principal
        self.peer = peer
        self.draining = asyncio.Event() if draining is None else draining
        self.enrolment: Enrolment | None = None
        self._deadline_at = None if deadline_s is None else time.monotonic() + deadline_s
        self._trace_id = ""
        self._auth_context = auth_context
        self.audit_details: dict[str, str] = {}

    def peer_uris(self) -> list[str]:
        """The URIs in the certificate that the caller's connection has shown; none without a certificate."""
        shown = self._auth_context() if self._auth_context is not None else {}
        return [uri.decode("ascii", "replace") for uri in shown.get("peer_uri", ())]

    def note(self, **details: str) -> None:
        """Tell the audit log what the call was about: ids, roles, reasons of staff; nothing else."""
        self.audit_details.update(details)

    def limit_to(self, deadline_s: float) -> None:
        """Say that the call ends in `deadline_s` seconds at the latest."""
        self._deadline_at = time.monotonic() + deadline_s

    def deadline_s(self) -> float | None:
        """Seconds that remain, never below zero; None when the call may take as long as it likes."""
        return None if self._deadline_at is None else max(self._deadline_at - time.monotonic(), 0.0)

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits, from the caller's `traceparent` or made here."""
        if not self._trace_id:
            self._trace_id = _read_trace_id(self.metadata.get("traceparent"))
        return self._trace_id

    @property
    def traceparent(self) -> str:
        """The W3C trace context with which this call continues the trace, a new span id each time."""
        return f"00-{self.trace_id}-{random.getrandbits(64) | 1:016x}-01"

    @property
    def request_id(self) -> str:
        """By which logs and error reports find the call: the caller's `x-request-id`, else the trace."""
        given = self.metadata.get("x-request-id")
        return given if isinstance(given, str) and 0 < len(given) <= 128 else self.trace_id


def _read_trace_id(header: object) -> str:
    """The trace id of a W3C `traceparent`; a new one when the header is absent or malformed."""
    if isinstance(header, str):
        parts = header.split("-")
        if (
            len(parts) >= 4
            and len(parts[0]) == 2
            and parts[0] != "ff"
            and len(parts[1]) == 32
            and len(parts[2]) == 16
            and _HEXADECIMAL.issuperset(parts[0] + parts[1] + parts[2])
            and parts[1].strip("0")
            and parts[2].strip("0")
        ):
            return parts[1]
    return f"{random.getrandbits(128) | 1:032x}"


_CURRENT: ContextVar[Call] = ContextVar("pulsemesh_call")


def current_call() -> Call:
    """The call being served.

    Raises:
        LookupError: nothing is being served here; background work uses `bind_call`.
    """
    return _CURRENT.get()


def find_call() -> Call | None:
    """The call being served, or None."""
    return _CURRENT.get(None)


def enter_call(call: Call) -> None:
    """For the pipeline: make `call` current for the rest of the running task."""
    _CURRENT.set(call)


@contextmanager
def bind_call(call: Call) -> Iterator[Call]:
    """Make `call` current inside the block: for background work, and for tests of use cases."""
    token = _CURRENT.set(call)
    try:
        yield call
    finally:
        _CURRENT.reset(token)
