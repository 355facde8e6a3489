"""The whole document: paths, schemas, errors, security."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from pulsemesh.policy.v1.policy_pb2 import Retry
from services.gateway.exposure import ExposedMethod
from services.gateway.openapi.parameters import path_parameters, query_parameters
from services.gateway.openapi.schemas import Schema, Schemas
from services.gateway.rendering import contract_methods, text
from services.gateway.rest import HttpRule, http_rules

ERROR = "Error"
_ERRORS = {
    "400": "The request breaks a rule of the contract, or the resource is not in a state for it.",
    "401": "The access token is missing, wrong or out of date.",
    "403": "The caller may not do this: kind, scope or consent is missing.",
    "404": "There is no such thing, or not for this caller.",
    "409": "Somebody else changed it, or it exists already.",
    "429": "Too many calls: `RetryInfo` says when to come back.",
    "503": "Something that the call needs is away: `RetryInfo` says when to come back.",
    "504": "The call was not done in time.",
}


def openapi_document() -> bytes:
    """The document as YAML; the same contracts make the same bytes."""
    return text(openapi(contract_methods(development=False)))


def openapi(methods: Iterable[ExposedMethod]) -> Schema:
    """The document of the methods that declare a REST path."""
    schemas = Schemas()
    chosen = [one for one in methods if http_rules(one.method)]
    paths: dict[str, Schema] = {}
    for exposed in chosen:
        for number, rule in enumerate(http_rules(exposed.method)):
            operation = _operation(exposed, rule, schemas, number)
            paths.setdefault(rule.path, {})[rule.verb.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pulsemesh",
            "version": "1",
            "description": "Methods of Pulsemesh that can be called by plain HTTP, with protobuf's JSON. "
            "Fields of bodies may be written as `workoutId` or as `workout_id`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "https://localhost:8443", "description": "`make up` on this machine"}],
        "tags": [{"name": name} for name in sorted({_tag(one) for one in chosen})],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas.components | {ERROR: _error()},
            "responses": {code: _error_response(meaning) for code, meaning in _ERRORS.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _tag(exposed: ExposedMethod) -> str:
    return exposed.method.service.rpartition(".")[2]


def _operation(exposed: ExposedMethod, rule: HttpRule, schemas: Schemas, number: int) -> Schema:
    method = exposed.method
    request = method.request_class.DESCRIPTOR
    parameters = [*path_parameters(request, rule, schemas), *query_parameters(request, rule, schemas)]
    operation: Schema = {
        "operationId": f"{_tag(exposed)}_{method.name}" + (f"_{number}" if number else ""),
        "tags": [_tag(exposed)],
        "summary": _words(method.name),
        "description": _description(exposed),
        "responses": _responses(exposed, schemas),
        "security": _security(exposed),
    }
    if parameters:
        operation["parameters"] = parameters
    if rule.body:
        operation["requestBody"] = _body(request, rule, schemas)
    return operation


def _words(name: str) -> str:
    """ "ListMatchedWorkouts" as "List matched workouts"."""
    words = re.findall(r"[A-Z][a-z0-9]*", name)
    return " ".join([words[0], *(word.lower() for word in words[1:])])


def _description(exposed: ExposedMethod) -> str:
    policy = exposed.method.policy
    assert policy is not None
    said = [f"gRPC: `{exposed.method.path}`."]
    limit = policy.rate_limit
    if limit is not None:
        said.append(f"At most {limit.calls} calls in {limit.period_s:g} s.")
    if policy.retry == Retry.RETRY_SAFE:
        said.append("May be repeated.")
    elif policy.retry == Retry.RETRY_BY_REQUEST_ID:
        said.append("May be repeated with the same `requestId`.")
    return " ".join(said)


def _security(exposed: ExposedMethod) -> list[Schema]:
    policy = exposed.method.policy
    assert policy is not None
    needed: list[Schema] = [{"token": sorted(policy.scopes)}]
    return [*needed, {}] if exposed.public else needed


def _body(request: Any, rule: HttpRule, schemas: Schemas) -> Schema:
    schema = (
        schemas.of_message(request)
        if rule.body == "*"
        else schemas.of_field(request.fields_by_name[rule.body])
    )
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _responses(exposed: ExposedMethod, schemas: Schemas) -> Schema:
    answer = schemas.of_message(exposed.method.response_class.DESCRIPTOR)
    if exposed.method.server_streaming:
        answer = {"type": "array", "items": answer}
    found: Schema = {"200": {"description": "Done.", "content": {"application/json": {"schema": answer}}}}
    return found | {code: {"$ref": f"#/components/responses/{code}"} for code in _ERRORS}


def _error_response(meaning: str) -> Schema:
    schema = {"$ref": f"#/components/schemas/{ERROR}"}
    return {"description": meaning, "content": {"application/json": {"schema": schema}}}


def _error() -> Schema:
    """`google.rpc.Status`, whose first detail is the platform's `ErrorInfo`."""
    reasons = [name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()[1:]]
    detail = {
        "type": "object",
        "properties": {
            "@type": {"type": "string"},
            "reason": {"type": "string", "enum": reasons},
            "domain": {"type": "string"},
            "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["@type"],
    }
    return {
        "type": "object",
        "properties": {
            "code": {"type": "integer", "description": "The gRPC status code."},
            "message": {"type": "string"},
            "details": {"type": "array", "items": detail},
        },
        "required": ["code", "message"],
    }
