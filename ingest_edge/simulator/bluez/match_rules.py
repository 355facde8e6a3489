"""Match rules: which signals a client of the bus wants."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PART = re.compile(r"(\w+)=(?:'([^']*)'|([^,]*))(?:,|$)")
_ARGUMENT = re.compile(r"arg(\d+)(path)?$")


@dataclass(frozen=True, slots=True)
class Signal:
    """What a rule can look at; ``arguments`` are the string and path arguments in order."""

    sender: str
    path: str
    interface: str
    member: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MatchRule:
    """One rule as ``AddMatch`` takes it; all its conditions must hold."""

    conditions: tuple[tuple[str, str], ...]
    arguments: tuple[tuple[int, bool, str], ...] = field(default=())

    @classmethod
    def parse(cls, text: str) -> MatchRule:
        """Parse the text of a rule; values may be quoted or not, as dbus-daemon accepts both."""
        conditions, arguments = [], []
        for key, quoted, bare in _PART.findall(text):
            value = quoted or bare
            argument = _ARGUMENT.match(key)
            if argument:
                arguments.append((int(argument[1]), bool(argument[2]), value))
            else:
                conditions.append((key, value))
        return cls(tuple(sorted(conditions)), tuple(sorted(arguments)))

    def matches(self, signal: Signal) -> bool:
        """Whether a client with this rule gets the signal."""
        return all(self._holds(key, value, signal) for key, value in self.conditions) and all(
            self._argument_holds(*argument, signal) for argument in self.arguments
        )

    @staticmethod
    def _holds(key: str, value: str, signal: Signal) -> bool:
        match key:
            case "type":
                return value == "signal"
            case "path_namespace":
                return signal.path == value or signal.path.startswith(value.rstrip("/") + "/")
            case "sender":
                # A rule by a well-known name is resolved to its owner by the bus before it is stored.
                return value == signal.sender
            case "path" | "interface" | "member":
                return bool(getattr(signal, key) == value)
            case _:
                # Eavesdropping, unicast destinations and arg0namespace have no meaning for our one service.
                return key == "eavesdrop"

    @staticmethod
    def _argument_holds(index: int, is_path: bool, value: str, signal: Signal) -> bool:
        if index >= len(signal.arguments):
            return False
        actual = signal.arguments[index]
        if not is_path or actual == value:
            return actual == value
        return (value.endswith("/") and actual.startswith(value)) or (
            actual.endswith("/") and value.startswith(actual)
        )
