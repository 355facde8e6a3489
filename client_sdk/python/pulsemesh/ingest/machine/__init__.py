"""The ingest protocol as two state machines without any input or output.

A `ClientSession` and a `ServerSession` are fed with what arrived and with what was
done, and return effects: messages to send and things to do. They own no socket, no
clock and no store, so the same code runs on both ends, in the simulator and under
the fuzzer. The transitions of each end stand in one table; whatever is not in it is
a protocol violation.

The rules that both keep:

* The samples of a source are numbered from 0 without gaps. A batch carries samples
  ``first_sequence`` to ``first_sequence + count - 1``.
* The server stores a batch that begins where its knowledge of the source ends. A
  batch that begins earlier is trimmed or passed over; one that begins later is
  rejected with RESEND, and the client goes back to what the server expects.
* A batch that can never be stored is rejected with SET_ASIDE once its place in the
  sequence is durably marked: the samples after it are not held up.
* An ack is cumulative and means committed. Credit counts batches: each one sent
  takes one, each one committed, repeated or rejected gives one back.
"""

from pulsemesh.ingest.machine.client import (
    ClientSession,
    Wanted,
)
from pulsemesh.ingest.machine.effects import (
    Acknowledged,
    ClientEffect,
    Ended,
    Failed,
    FinishRequested,
    Opened,
    OpenRequested,
    SendRequest,
    SendResponse,
    ServerEffect,
    SetAside,
    StoreBatch,
)
from pulsemesh.ingest.machine.limits import (
    MISSED_HEARTBEATS,
    Limits,
)
from pulsemesh.ingest.machine.server import (
    ServerSession,
    SourceState,
)
from pulsemesh.ingest.machine.transitions import (
    CLIENT_TRANSITIONS,
    SERVER_TRANSITIONS,
    ClientEvent,
    ClientState,
    ServerEvent,
    ServerState,
)

__all__ = [
    "CLIENT_TRANSITIONS",
    "MISSED_HEARTBEATS",
    "SERVER_TRANSITIONS",
    "Acknowledged",
    "ClientEffect",
    "ClientEvent",
    "ClientSession",
    "ClientState",
    "Ended",
    "Failed",
    "FinishRequested",
    "Limits",
    "OpenRequested",
    "Opened",
    "SendRequest",
    "SendResponse",
    "ServerEffect",
    "ServerEvent",
    "ServerSession",
    "ServerState",
    "SetAside",
    "SourceState",
    "StoreBatch",
    "Wanted",
]
