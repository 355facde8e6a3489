"""The smallest message that a contract's rules let through: made of the rules alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

FORMATS = {
    "email": "somebody@example.org",
    "hostname": "example.org",
    "ip": "127.0.0.1",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "uri": "https://example.org/",
    "uri_ref": "/",
    "address": "example.org",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "tuuid": "00000000000040008000000000000000",
    "host_and_port": "example.org:1",
}
MAX_DEPTH = 8
_NUMBERS = frozenset(
    {
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64,
        FieldDescriptor.CPPTYPE_DOUBLE,
        FieldDescriptor.CPPTYPE_FLOAT,
    }
)


def minimal(request_class: type[Message], given: Mapping[str, str] | None = None) -> Message:
    """A message with every field that must be set, and `given` where it has text fields of these names."""
    message = request_class()
    _fill(message, given or {}, 0)
    return message


def _fill(message: Any, given: Mapping[str, str], depth: int) -> None:
    descriptor: Descriptor = message.DESCRIPTOR
    if depth > MAX_DEPTH:
        raise ValueError(f"{descriptor.full_name} holds itself without end")
    chosen = _chosen_members(descriptor)
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if oneof is not None and len(oneof.fields) > 1 and field.name not in chosen:
            continue
        _fill_field(message, field, given, depth, wanted=field.name in chosen)


def _chosen_members(descriptor: Descriptor) -> set[str]:
    """One member of each oneof that must be set: the first."""
    chosen = set()
    for oneof in descriptor.oneofs:
        if oneof.GetOptions().Extensions[validate_pb2.oneof].required:
            chosen.add(oneof.fields[0].name)
    for rule in descriptor.GetOptions().Extensions[validate_pb2.message].oneof:
        if rule.required:
            chosen.add(rule.fields[0])
    return chosen


def _fill_field(
    message: Any, field: FieldDescriptor, given: Mapping[str, str], depth: int, *, wanted: bool
) -> None:
    rules = field.GetOptions().Extensions[validate_pb2.field]
    wanted = wanted or rules.required
    if field.is_repeated:
        _fill_items(message, field, rules, given, depth)
    elif field.message_type is not None:
        if wanted:
            _fill_message(getattr(message, field.name), rules, given, depth)
    else:
        if field.name in given and field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            setattr(message, field.name, given[field.name])
            return
        value = _value(field, rules, wanted=wanted)
        if value is not None and (not field.has_presence or wanted or value):
            setattr(message, field.name, value)


def _fill_items(
    message: Any, field: FieldDescriptor, rules: Any, given: Mapping[str, str], depth: int
) -> None:
    count = max(rules.repeated.min_items, int(rules.required))
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        for number in range(rules.map.min_pairs):
            getattr(message, field.name)[str(number + 1)] = "1"
        return
    items = getattr(message, field.name)
    for number in range(count):
        if field.message_type is not None:
            _fill_message(items.add(), rules.repeated.items, given, depth)
        else:
            items.append(_item(field, rules.repeated, given, number))


def _item(field: FieldDescriptor, rules: Any, given: Mapping[str, str], number: int) -> Any:
    singular = field.name.removesuffix("s")
    if singular in given and field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return given[singular]
    value = _value(field, rules.items, wanted=True)
    if rules.unique and number:
        value = value[:-1] + str(number) if isinstance(value, str) else value + number
    return value


def _fill_message(message: Any, rules: Any, given: Mapping[str, str], depth: int) -> None:
    name = message.DESCRIPTOR.full_name
    message.SetInParent()
    if name == "google.protobuf.Timestamp":
        message.seconds = 1_700_000_000
    elif name == "google.protobuf.Duration":
        message.seconds = max(rules.duration.gte.seconds, rules.duration.gt.seconds + 1)
    elif name == "google.protobuf.FieldMask":
        message.paths.extend(getattr(rules.field_mask, "in")[:1])
    else:
        _fill(message, given, depth + 1)


def _value(field: FieldDescriptor, rules: Any, *, wanted: bool) -> Any:
    """The least value that the rules allow; None where the default will do."""
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING and field.type == FieldDescriptor.TYPE_BYTES:
        return b"\x00" * max(rules.bytes.len, rules.bytes.min_len, int(wanted))
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return _text(rules.string, wanted=wanted)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enumerated(field, rules.enum, wanted=wanted)
    if kind in _NUMBERS:
        return _number(field, rules, wanted=wanted)
    return True if wanted else None


def _text(rules: Any, *, wanted: bool) -> str | None:
    if rules.const:
        return str(rules.const)
    allowed = getattr(rules, "in")
    if allowed:
        return str(allowed[0])
    for name, example in FORMATS.items():
        if getattr(rules, name, False):
            return example
    shortest = max(rules.min_len, rules.len, rules.min_bytes, rules.len_bytes, int(wanted))
    if rules.pattern:
        return "" if not wanted and re.search(rules.pattern, "") else sample(rules.pattern, shortest)
    return str(rules.prefix) + "a" * (shortest - len(rules.prefix)) if shortest or rules.prefix else None


def _enumerated(field: FieldDescriptor, rules: Any, *, wanted: bool) -> Any:
    assert field.enum_type is not None
    allowed = list(getattr(rules, "in")) or [value.number for value in field.enum_type.values]
    refused = set(rules.not_in)
    if 0 in allowed and 0 not in refused and not wanted:
        return None
    return next(number for number in allowed if number not in refused and (number or not wanted))


def _number(field: FieldDescriptor, rules: Any, *, wanted: bool) -> Any:
    kind = rules.WhichOneof("type")
    whole = field.cpp_type not in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
    if kind is None:
        return 1 if wanted else None
    own = getattr(rules, kind)
    allowed = getattr(own, "in", ())
    if allowed:
        return allowed[0]
    step = 1 if whole else 0.5
    if own.HasField("gt"):
        return own.gt + step
    if own.HasField("gte"):
        return own.gte or (step if wanted else own.gte)
    return step if wanted else None


def sample(pattern: str, shortest: int = 0) -> str:
    """A short text that a regular expression matches."""
    return _Sampler(shortest).text(_parser.parse(pattern))


class _Sampler:
    """Walks a parsed expression, taking the first of every choice."""

    def __init__(self, shortest: int) -> None:
        self._shortest = shortest

    def text(self, parsed: Any) -> str:
        return "".join(self._one(str(operator), argument) for operator, argument in parsed)

    def _one(self, operator: str, argument: Any) -> Any:
        match operator:
            case "LITERAL":
                return chr(argument)
            case "NOT_LITERAL":
                return "b" if chr(argument) == "a" else "a"
            case "ANY":
                return "a"
            case "IN":
                return self._of_set(argument)
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, inner = argument
                return self.text(inner) * min(max(least, self._shortest if least else 0), int(most))
            case "SUBPATTERN":
                return self.text(argument[3])
            case "BRANCH":
                return self.text(argument[1][0])
            case "AT":
                return ""
            case _:
                raise ValueError(f"an expression with {operator}")

    @staticmethod
    def _of_set(members: Any) -> Any:
        operator, argument = members[0]
        match str(operator):
            case "NEGATE":
                refused = {chr(value) for kind, value in members[1:] if str(kind) == "LITERAL"}
                return next(letter for letter in "abcdefgh" if letter not in refused)
            case "LITERAL":
                return chr(argument)
            case "RANGE":
                return chr(argument[0])
            case _:
                return "a" if "NOT" not in str(argument) else "-"
