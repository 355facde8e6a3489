"""Messages of the contracts as JSON Schema: the forms of protobuf's JSON, the bounds of protovalidate."""

from __future__ import annotations

from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

Schema = dict[str, Any]

_INTEGERS = {
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_SINT32,
    FieldDescriptor.TYPE_SFIXED32,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_FIXED32,
}
_LONG_INTEGERS = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_SFIXED64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_FIXED64,
}
_NUMBERS = {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}

WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string", "description": "Names of fields, separated by commas."},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.Any": {"type": "object", "properties": {"@type": {"type": "string"}}},
    "google.protobuf.StringValue": {"type": "string"},
    "google.protobuf.BoolValue": {"type": "boolean"},
    "google.protobuf.DoubleValue": {"type": "number"},
    "google.protobuf.Int32Value": {"type": "integer", "format": "int32"},
    "google.protobuf.Int64Value": {"type": "string", "format": "int64"},
}


class Schemas:
    """The component schemas, gathered while they are referred to."""

    def __init__(self) -> None:
        self._found: dict[str, Schema] = {}

    @property
    def components(self) -> dict[str, Schema]:
        """By the full names of their messages and enums."""
        return dict(sorted(self._found.items()))

    def of_message(self, message: Any) -> Schema:
        """A reference to a message's schema, or the schema of a well-known type."""
        known = WELL_KNOWN.get(message.full_name)
        if known is not None:
            return dict(known)
        if message.full_name not in self._found:
            self._found[message.full_name] = {}  # messages may hold themselves
            self._found[message.full_name] = self._message(message)
        return {"$ref": f"#/components/schemas/{message.full_name}"}

    def _message(self, message: Any) -> Schema:
        properties = {field.json_name: self.of_field(field) for field in message.fields}
        required = [field.json_name for field in message.fields if _rules(field).required]
        schema: Schema = {"type": "object", "properties": properties}
        return schema | {"required": required} if required else schema

    def of_field(self, field: FieldDescriptor) -> Schema:
        """The schema of a field, its bounds included."""
        rules = _rules(field)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            values = self._one(field.message_type.fields_by_name["value"], validate_pb2.FieldRules())
            return {"type": "object", "additionalProperties": values}
        if not field.is_repeated:
            return self._one(field, rules)
        schema: Schema = {"type": "array", "items": self._one(field, rules.repeated.items)}
        bounds = rules.repeated
        if bounds.HasField("min_items"):
            schema["minItems"] = bounds.min_items
        if bounds.HasField("max_items"):
            schema["maxItems"] = bounds.max_items
        if bounds.unique:
            schema["uniqueItems"] = True
        return schema

    def _one(self, field: FieldDescriptor, rules: validate_pb2.FieldRules) -> Schema:
        if field.message_type is not None:
            return self.of_message(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.type in _INTEGERS:
            return {"type": "integer", "format": "int32", **_range(rules)}
        if field.type in _LONG_INTEGERS:
            return {"type": "string", "format": "int64"}
        if field.type in _NUMBERS:
            return {"type": "number", "format": "double", **_range(rules)}
        if field.type == FieldDescriptor.TYPE_BOOL:
            return {"type": "boolean"}
        if field.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        return {"type": "string", **_text(rules.string)}

    def _enum(self, enum: EnumDescriptor) -> Schema:
        self._found[enum.full_name] = {"type": "string", "enum": [value.name for value in enum.values]}
        return {"$ref": f"#/components/schemas/{enum.full_name}"}


def _rules(field: FieldDescriptor) -> validate_pb2.FieldRules:
    rules: validate_pb2.FieldRules = field.GetOptions().Extensions[validate_pb2.field]
    return rules


def _text(rules: validate_pb2.StringRules) -> Schema:
    schema: Schema = {}
    if rules.HasField("len"):
        schema |= {"minLength": rules.len, "maxLength": rules.len}
    if rules.HasField("min_len"):
        schema["minLength"] = rules.min_len
    if rules.HasField("max_len"):
        schema["maxLength"] = rules.max_len
    if rules.HasField("pattern"):
        schema["pattern"] = rules.pattern
    return schema


_BOUNDS = {
    "gte": "minimum",
    "gt": "exclusiveMinimum",
    "lte": "maximum",
    "lt": "exclusiveMaximum",
}


def _range(rules: validate_pb2.FieldRules) -> Schema:
    kind = rules.WhichOneof("type")
    if kind is None:
        return {}
    numbers = getattr(rules, kind)
    names = numbers.DESCRIPTOR.fields_by_name
    return {
        keyword: getattr(numbers, name)
        for name, keyword in _BOUNDS.items()
        if name in names and numbers.HasField(name)
    }
