"""What the machines want done: messages to send, things to store, news for whoever drives them."""

from __future__ import annotations

from dataclasses import dataclass

from pulsemesh import samples
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import sample_pb2


@dataclass(frozen=True, slots=True)
class SendRequest:
    """The client sends this."""

    request: wire.StreamSamplesRequest


@dataclass(frozen=True, slots=True)
class SendResponse:
    """The server sends this."""

    response: wire.StreamSamplesResponse


@dataclass(frozen=True, slots=True)
class Failed:
    """The session is over; the call ends with an error that says why."""

    reason: reason_pb2.ErrorReason.ValueType
    message: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Client: the server holds `next_sequences` of the sources; sending goes on from there."""

    next_sequences: tuple[int, ...]
    resumed: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Client: every sample of `source` below `next_sequence` is committed."""

    source: int
    next_sequence: int


@dataclass(frozen=True, slots=True)
class SetAside:
    """Client: these samples were refused for good; keep them for a person to look at."""

    rejection: wire.Rejection


@dataclass(frozen=True, slots=True)
class Ended:
    """Client: the server has closed the client's sources."""

    closed: wire.Closed


@dataclass(frozen=True, slots=True)
class OpenRequested:
    """Server: look the recording up, or begin it; answer with `opened` or `closed`."""

    open: wire.OpenRecording


@dataclass(frozen=True, slots=True)
class StoreBatch:
    """Server: commit `count` samples of `source` from `first_sequence` on; answer with `committed`.

    `batch` is None where the samples were refused: then only their place is marked, with
    the rejection's reason.
    """

    source: int
    first_sequence: int
    count: int
    batch: sample_pb2.SampleBatch | None
    fault: samples.Fault | None


@dataclass(frozen=True, slots=True)
class FinishRequested:
    """Server: complete the client's sources; answer with `incomplete` or `closed`."""

    finish: wire.FinishRecording


ClientEffect = SendRequest | Failed | Opened | Acknowledged | SetAside | Ended
ServerEffect = SendResponse | Failed | OpenRequested | StoreBatch | FinishRequested
