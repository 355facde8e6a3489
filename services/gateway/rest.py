"""The REST paths that the contracts declare with `google.api.http`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from google.api import annotations_pb2, http_pb2  # type: ignore[import-untyped]

from services.chassis.policy import MethodInfo

_VARIABLE = re.compile(r"\{([a-z0-9_.]+)(?:=[^}]*)?\}")


@dataclass(frozen=True, slots=True)
class HttpRule:
    """One way to call a method by HTTP.

    Attributes:
        verb: "GET", "POST", "PUT", "PATCH" or "DELETE".
        path: as declared, "/v1/workouts/{workout_id}".
        body: the field that the body holds, "*" for all that the path does not, "" for none.
    """

    verb: str
    path: str
    body: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The fields that the path holds, by their dotted names."""
        return tuple(_VARIABLE.findall(self.path))


def _rule(declared: http_pb2.HttpRule) -> HttpRule:
    pattern = declared.WhichOneof("pattern")
    if pattern is None or pattern == "custom":
        raise ValueError(f"a REST path needs one of get, put, post, patch, delete: {declared}")
    return HttpRule(pattern.upper(), getattr(declared, pattern), declared.body)


def http_rules(method: MethodInfo) -> list[HttpRule]:
    """The rules of a method, the main one first; empty where it declares none.

    Raises:
        ValueError: a rule names a verb that is not served.
    """
    service = method.request_class.DESCRIPTOR.file.pool.FindServiceByName(method.service)
    options = service.methods_by_name[method.name].GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return []
    declared = options.Extensions[annotations_pb2.http]
    return [_rule(declared), *(_rule(other) for other in declared.additional_bindings)]
