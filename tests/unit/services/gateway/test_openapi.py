"""The OpenAPI document, held against the specification's structure and against the contracts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.gateway.openapi import openapi, openapi_document
from services.gateway.rendering import contract_methods
from services.gateway.rest import http_rules

VERBS = {"get", "put", "post", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi(contract_methods(development=False))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            yield path, verb, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_it_is_written_as_yaml_and_read_again(document: dict[str, Any]) -> None:
    assert yaml.load(openapi_document(), Loader=yaml.CSafeLoader) == document


def test_every_rest_path_of_the_contracts_is_there(document: dict[str, Any]) -> None:
    declared = {
        (rule.path, rule.verb.lower())
        for one in contract_methods(development=False)
        for rule in http_rules(one.method)
    }
    assert {(path, verb) for path, verb, _ in operations(document)} == declared
    assert {verb for _, verb in declared} <= VERBS


def test_no_two_methods_share_a_path_and_a_verb() -> None:
    rules = [
        (re.sub(r"\{[^}]*\}", "{}", rule.path), rule.verb)
        for one in contract_methods(development=False)
        for rule in http_rules(one.method)
    ]
    assert len(rules) == len(set(rules))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_every_schema_is_a_schema(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_operations_are_named_once(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_paths_and_parameters_name_the_same_variables(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        found = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        assert found == set(re.findall(r"\{([^}]+)\}", path))


def test_reading_has_no_body_and_every_operation_its_errors(document: dict[str, Any]) -> None:
    for _, verb, operation in operations(document):
        assert verb not in {"get", "delete"} or "requestBody" not in operation
        assert {"200", "400", "401", "403", "404", "429"} <= set(operation["responses"])
        assert operation["security"]


def test_the_errors_name_every_reason_of_the_contracts(document: dict[str, Any]) -> None:
    detail = document["components"]["schemas"]["Error"]["properties"]["details"]["items"]
    reasons = {f"ERROR_REASON_{name}" for name in detail["properties"]["reason"]["enum"]}
    assert reasons == set(ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}


def test_bounds_of_the_contracts_are_in_the_schemas(document: dict[str, Any]) -> None:
    (size,) = (
        one for one in document["paths"]["/v1/workouts"]["get"]["parameters"] if one["name"] == "page_size"
    )
    assert size["schema"] == {"type": "integer", "format": "int32", "minimum": 0, "maximum": 200}
