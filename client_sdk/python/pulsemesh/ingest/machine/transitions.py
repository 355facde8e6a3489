"""The states of both ends and what leads from one to the next; whatever is not here is a violation."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto


class ClientState(Enum):
    """Where a client stands."""

    IDLE = auto()
    OPENING = auto()
    STREAMING = auto()
    FINISHING = auto()
    ENDED = auto()
    FAILED = auto()


class ClientEvent(Enum):
    """What can happen to a client."""

    OPEN = auto()
    OPENED = auto()
    SEND_BATCH = auto()
    FINISH = auto()
    ACK = auto()
    REJECTION = auto()
    INCOMPLETE = auto()
    CLOSED = auto()
    HEARTBEAT = auto()


CLIENT_TRANSITIONS: Mapping[tuple[ClientState, ClientEvent], ClientState] = {
    (ClientState.IDLE, ClientEvent.OPEN): ClientState.OPENING,
    (ClientState.OPENING, ClientEvent.OPENED): ClientState.STREAMING,
    (ClientState.OPENING, ClientEvent.CLOSED): ClientState.ENDED,
    (ClientState.OPENING, ClientEvent.HEARTBEAT): ClientState.OPENING,
    (ClientState.STREAMING, ClientEvent.SEND_BATCH): ClientState.STREAMING,
    (ClientState.STREAMING, ClientEvent.ACK): ClientState.STREAMING,
    (ClientState.STREAMING, ClientEvent.REJECTION): ClientState.STREAMING,
    (ClientState.STREAMING, ClientEvent.HEARTBEAT): ClientState.STREAMING,
    (ClientState.STREAMING, ClientEvent.FINISH): ClientState.FINISHING,
    # Another writer, or the owner, closed the recording under us.
    (ClientState.STREAMING, ClientEvent.CLOSED): ClientState.ENDED,
    (ClientState.FINISHING, ClientEvent.ACK): ClientState.FINISHING,
    (ClientState.FINISHING, ClientEvent.REJECTION): ClientState.FINISHING,
    (ClientState.FINISHING, ClientEvent.HEARTBEAT): ClientState.FINISHING,
    (ClientState.FINISHING, ClientEvent.INCOMPLETE): ClientState.STREAMING,
    (ClientState.FINISHING, ClientEvent.CLOSED): ClientState.ENDED,
}


class ServerState(Enum):
    """Where a server stands with one client."""

    AWAITING_OPEN = auto()
    OPENING = auto()
    STREAMING = auto()
    # A finish was received; batches before it are still being committed.
    DRAINING = auto()
    FINISHING = auto()
    CLOSED = auto()
    FAILED = auto()


class ServerEvent(Enum):
    """What can happen to a server."""

    OPEN = auto()
    OPENED = auto()
    BATCH = auto()
    COMMITTED = auto()
    FINISH = auto()
    DRAINED = auto()
    INCOMPLETE = auto()
    CLOSED = auto()
    HEARTBEAT = auto()


SERVER_TRANSITIONS: Mapping[tuple[ServerState, ServerEvent], ServerState] = {
    (ServerState.AWAITING_OPEN, ServerEvent.OPEN): ServerState.OPENING,
    (ServerState.OPENING, ServerEvent.OPENED): ServerState.STREAMING,
    (ServerState.OPENING, ServerEvent.CLOSED): ServerState.CLOSED,
    (ServerState.OPENING, ServerEvent.HEARTBEAT): ServerState.OPENING,
    (ServerState.STREAMING, ServerEvent.BATCH): ServerState.STREAMING,
    (ServerState.STREAMING, ServerEvent.COMMITTED): ServerState.STREAMING,
    (ServerState.STREAMING, ServerEvent.HEARTBEAT): ServerState.STREAMING,
    (ServerState.STREAMING, ServerEvent.FINISH): ServerState.DRAINING,
    (ServerState.STREAMING, ServerEvent.CLOSED): ServerState.CLOSED,
    (ServerState.DRAINING, ServerEvent.COMMITTED): ServerState.DRAINING,
    (ServerState.DRAINING, ServerEvent.HEARTBEAT): ServerState.DRAINING,
    (ServerState.DRAINING, ServerEvent.DRAINED): ServerState.FINISHING,
    (ServerState.DRAINING, ServerEvent.CLOSED): ServerState.CLOSED,
    (ServerState.FINISHING, ServerEvent.HEARTBEAT): ServerState.FINISHING,
    (ServerState.FINISHING, ServerEvent.INCOMPLETE): ServerState.STREAMING,
    (ServerState.FINISHING, ServerEvent.CLOSED): ServerState.CLOSED,
}
