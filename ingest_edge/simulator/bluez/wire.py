"""D-Bus messages: a typed face of the few jeepney functions in use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jeepney import DBusAddress, new_error, new_method_return, new_signal
from jeepney.low_level import HeaderFields, Message, MessageFlag, MessageType, Parser

Variant = tuple[str, Any]
"""A value with its D-Bus signature."""

Properties = dict[str, Variant]
Interfaces = dict[str, Properties]


class DBusError(Exception):
    """An error reply.

    Attributes:
        name: the D-Bus error name, e.g. ``"org.bluez.Error.NotReady"``.
        text: the message for a person.
    """

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


class IncomingMessage:
    """A message that a client sent."""

    __slots__ = ("_message", "body", "sender")

    def __init__(self, message: Message, sender: str) -> None:
        self._message = message
        self.body: tuple[Any, ...] = message.body
        self.sender = sender

    @property
    def is_call(self) -> bool:
        """Whether it is a method call."""
        return bool(self._message.header.message_type is MessageType.method_call)

    @property
    def wants_reply(self) -> bool:
        """Whether the caller waits for an answer."""
        return not self._message.header.flags & MessageFlag.no_reply_expected

    @property
    def destination(self) -> str:
        """The bus name that it is for."""
        return self._field(HeaderFields.destination)

    @property
    def path(self) -> str:
        """The object that it is for."""
        return self._field(HeaderFields.path)

    @property
    def interface(self) -> str:
        """The interface of the method; may be empty."""
        return self._field(HeaderFields.interface)

    @property
    def member(self) -> str:
        """The method's name."""
        return self._field(HeaderFields.member)

    def reply(self, signature: str, body: tuple[Any, ...]) -> Message:
        """Make the answer."""
        return new_method_return(self._message, signature or None, body)

    def error_reply(self, error: DBusError) -> Message:
        """Make the answer that says no."""
        return new_error(self._message, error.name, "s", (error.text,))

    def _field(self, field: HeaderFields) -> str:
        return str(self._message.header.fields.get(field, ""))


class MessageStream:
    """Cuts a byte stream into messages."""

    def __init__(self, sender: str) -> None:
        self._parser = Parser()
        self._sender = sender

    def feed(self, data: bytes) -> Iterable[IncomingMessage]:
        """Take bytes, return the messages that are complete now."""
        for message in self._parser.feed(data):
            yield IncomingMessage(message, self._sender)


def signal(path: str, interface: str, member: str, signature: str, body: tuple[Any, ...]) -> Message:
    """Make a signal."""
    return new_signal(DBusAddress(path, interface=interface), member, signature, body)


def serialise(message: Message, serial: int, sender: str, destination: str | None) -> bytes:
    """The octets of a message as the bus passes it on."""
    fields = message.header.fields
    fields[HeaderFields.sender] = sender
    if destination is not None:
        fields[HeaderFields.destination] = destination
    return bytes(message.serialise(serial=serial))
