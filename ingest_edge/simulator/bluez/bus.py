"""A D-Bus message bus in process: enough of dbus-daemon for the clients of one service.

It listens on a Unix socket, does the SASL handshake (EXTERNAL), answers ``org.freedesktop.DBus``, passes
calls to the service in process and its signals to whoever has a rule that matches.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import uuid
from pathlib import Path
from typing import Any, Protocol, cast

from ingest_edge.simulator.bluez.match_rules import MatchRule, Signal
from ingest_edge.simulator.bluez.wire import DBusError, IncomingMessage, MessageStream, serialise, signal

logger = logging.getLogger(__name__)

BUS_NAME = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"
_ERROR = "org.freedesktop.DBus.Error."


class Service(Protocol):
    """The one service behind the bus."""

    name: str

    def on_call(self, message: IncomingMessage) -> None:
        """Take a method call; answer by ``MiniBus.reply`` or ``reply_error``, now or later."""
        ...

    def on_client_gone(self, client: str) -> None:
        """A client left the bus."""
        ...


class MiniBus:
    """The bus. All methods belong to the event loop that it was started on."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path
        self._guid = uuid.uuid4().hex
        self._server: asyncio.Server | None = None
        self._clients: dict[str, _Client] = {}
        self._client_numbers = itertools.count(1)
        self._serials = itertools.count(1)
        self._empty = asyncio.Event()
        self._service: Service | None = None
        self._service_owner = ""
        self.connections_opened = 0

    @property
    def address(self) -> str:
        """For ``DBUS_SYSTEM_BUS_ADDRESS``."""
        return f"unix:path={self._socket_path},guid={self._guid}"

    @property
    def connection_count(self) -> int:
        """Open connections of clients."""
        return len(self._clients)

    async def start(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Client(self), str(self._socket_path))

    async def kill(self) -> None:
        """Die: every connection breaks and nobody listens."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for client in list(self._clients.values()):
            client.abort()
        self._socket_path.unlink(missing_ok=True)
        if self._clients:
            self._empty = asyncio.Event()
            await self._empty.wait()

    def attach(self, service: Service) -> None:
        """Give the service its name."""
        self._service = service
        self._service_owner = f":1.{next(self._client_numbers)}"
        self._announce_owner(service.name, "", self._service_owner)

    def detach(self) -> None:
        """Take the service's name away, as when its process died."""
        if self._service is not None:
            name, owner = self._service.name, self._service_owner
            self._service, self._service_owner = None, ""
            self._announce_owner(name, owner, "")

    def emit(self, path: str, interface: str, member: str, signature: str, body: tuple[Any, ...]) -> int:
        """Send a signal of the service to whoever wants it; return to how many clients it went."""
        subject = Signal(self._service_owner, path, interface, member, _text_arguments(body))
        return self._broadcast(subject, signature, body)

    def reply(self, message: IncomingMessage, signature: str = "", body: tuple[Any, ...] = ()) -> None:
        """Answer a call of the service."""
        self._answer(message, self._service_owner, message.reply(signature, body))

    def reply_error(self, message: IncomingMessage, error: DBusError) -> None:
        """Answer a call of the service by an error."""
        self._answer(message, self._service_owner, message.error_reply(error))

    def client_connected(self, client: _Client) -> str:
        """Register a connection; return its unique name."""
        name = f":1.{next(self._client_numbers)}"
        self._clients[name] = client
        self.connections_opened += 1
        return name

    def client_gone(self, name: str) -> None:
        """Forget a connection."""
        self._clients.pop(name, None)
        if not self._clients:
            self._empty.set()
        if self._service is not None:
            self._service.on_client_gone(name)

    @property
    def guid(self) -> str:
        """The bus's id, told in the handshake."""
        return self._guid

    def route(self, message: IncomingMessage) -> None:
        """Bring a client's message to where it belongs."""
        if not message.is_call:
            return
        if message.destination == BUS_NAME:
            self._on_bus_call(message)
        elif self._service is not None and message.destination in (self._service.name, self._service_owner):
            self._service.on_call(message)
        else:
            text = f"The name {message.destination} has no owner"
            self._answer(message, BUS_NAME, message.error_reply(DBusError(f"{_ERROR}ServiceUnknown", text)))

    def _on_bus_call(self, message: IncomingMessage) -> None:
        try:
            signature, body = self._bus_method(message)
        except DBusError as error:
            self._answer(message, BUS_NAME, message.error_reply(error))
        else:
            self._answer(message, BUS_NAME, message.reply(signature, body))

    def _bus_method(self, message: IncomingMessage) -> tuple[str, tuple[Any, ...]]:
        client = self._clients[message.sender]
        match message.member:
            case "Hello":
                return "s", (message.sender,)
            case "AddMatch":
                client.rules.append(self._parse_rule(message.body[0]))
                return "", ()
            case "RemoveMatch":
                return self._remove_match(client, message.body[0])
            case "NameHasOwner":
                return "b", (bool(self._owner_of(message.body[0])),)
            case "GetNameOwner":
                return self._name_owner(message.body[0])
            case "ListNames":
                names = [BUS_NAME, *self._clients]
                return "as", (names + ([self._service.name] if self._service else []),)
            case "GetId":
                return "s", (self._guid,)
            case "Ping":
                return "", ()
            case _:
                raise DBusError(f"{_ERROR}UnknownMethod", f"{message.member} is not known here")

    def _parse_rule(self, text: str) -> MatchRule:
        rule = MatchRule.parse(text)
        senders = {value for key, value in rule.conditions if key == "sender"}
        if not senders or senders == {self._service_owner}:
            return rule
        kept = [(key, value) for key, value in rule.conditions if key != "sender"]
        resolved = [("sender", self._owner_of(sender) or sender) for sender in senders]
        return MatchRule(tuple(sorted(kept + resolved)), rule.arguments)

    def _remove_match(self, client: _Client, text: str) -> tuple[str, tuple[Any, ...]]:
        try:
            client.rules.remove(self._parse_rule(text))
        except ValueError:
            raise DBusError(f"{_ERROR}MatchRuleNotFound", "no such rule") from None
        return "", ()

    def _name_owner(self, name: str) -> tuple[str, tuple[Any, ...]]:
        owner = self._owner_of(name)
        if not owner:
            raise DBusError(f"{_ERROR}NameHasNoOwner", f"nobody owns {name}")
        return "s", (owner,)

    def _owner_of(self, name: str) -> str:
        if name == BUS_NAME or name in self._clients:
            return name
        if self._service is not None and name in (self._service.name, self._service_owner):
            return self._service_owner
        return ""

    def _announce_owner(self, name: str, old_owner: str, new_owner: str) -> None:
        body = (name, old_owner, new_owner)
        self._broadcast(Signal(BUS_NAME, BUS_PATH, BUS_NAME, "NameOwnerChanged", body), "sss", body)

    def _broadcast(self, subject: Signal, signature: str, body: tuple[Any, ...]) -> int:
        clients = [client for client in self._clients.values() if client.wants(subject)]
        if clients:
            message = signal(subject.path, subject.interface, subject.member, signature, body)
            data = serialise(message, next(self._serials), subject.sender, None)
            for client in clients:
                client.send(data)
        return len(clients)

    def _answer(self, message: IncomingMessage, sender: str, answer: Any) -> None:
        client = self._clients.get(message.sender)
        if client is not None and message.wants_reply:
            client.send(serialise(answer, next(self._serials), sender, message.sender))


def _text_arguments(body: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(argument if isinstance(argument, str) else "" for argument in body)


class _Client(asyncio.Protocol):
    """One connection: first the handshake in lines, then messages."""

    def __init__(self, bus: MiniBus) -> None:
        self.rules: list[MatchRule] = []
        self._bus = bus
        self._name = ""
        self._transport: asyncio.Transport | None = None
        self._handshake: bytearray | None = bytearray()
        self._messages: MessageStream | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._name = self._bus.client_connected(self)
        self._messages = MessageStream(self._name)

    def connection_lost(self, exc: Exception | None) -> None:
        self._bus.client_gone(self._name)

    def data_received(self, data: bytes) -> None:
        if self._handshake is not None:
            data = self._shake_hands(data)
        if data and self._messages is not None:
            for message in self._messages.feed(data):
                self._bus.route(message)

    def wants(self, subject: Signal) -> bool:
        """Whether a rule of this client matches."""
        return any(rule.matches(subject) for rule in self.rules)

    def send(self, data: bytes) -> None:
        """Send octets; nothing happens when the connection is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """Break the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _shake_hands(self, data: bytes) -> bytes:
        """Take handshake octets; return what follows the handshake."""
        assert self._handshake is not None
        self._handshake += data
        while b"\r\n" in self._handshake:
            line, _, rest = bytes(self._handshake).partition(b"\r\n")
            self._handshake = bytearray(rest)
            if line == b"BEGIN":
                self._handshake = None
                return rest
            self.send(self._handshake_answer(line.lstrip(b"\0")) + b"\r\n")
        return b""

    def _handshake_answer(self, line: bytes) -> bytes:
        ok = f"OK {self._bus.guid}".encode()
        command = line.split(b" ")
        if command[0] == b"AUTH":
            if command[1:2] != [b"EXTERNAL"]:
                return b"REJECTED EXTERNAL"
            # The socket lies in a directory that only this user may enter; the identity need not be checked.
            return ok if len(command) > 2 else b"DATA"
        if command[0] == b"DATA":
            return ok
        if command[0] == b"NEGOTIATE_UNIX_FD":
            # Agreed because clients insist on it; no message of ours carries a descriptor.
            return b"AGREE_UNIX_FD"
        return b"ERROR"
