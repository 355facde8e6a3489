"""The table of every setting, from the model itself."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from services.chassis.settings.loading import prefix_of, variable
from services.chassis.settings.model import Settings


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as people read it."""

    variable: str
    type: str
    default: str
    meaning: str


def settings_table(domains: Iterable[type[BaseSettings]] = ()) -> list[SettingRow]:
    """Every setting of the chassis, then of the domains, in the order of the models."""
    models: list[type[BaseSettings]] = [Settings, *domains]
    return [row for model in models for row in _rows(model, (), prefix_of(model))]


def _rows(model: type[BaseModel], path: tuple[str, ...], prefix: str) -> Iterator[SettingRow]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _rows(inner, (*path, name), prefix)
        else:
            yield SettingRow(
                variable((*path, name), prefix), _type_name(inner), _default(field), field.description or ""
            )


def _type_name(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    arguments = [argument for argument in typing.get_args(annotation) if argument is not type(None)]
    if origin is typing.Annotated:
        return _type_name(arguments[0])
    if origin is typing.Literal:
        return " or ".join(str(argument) for argument in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type_name(argument) for argument in arguments)
    if origin is dict:
        return "JSON object"
    names = {
        bool: "true or false",
        int: "whole number",
        float: "number",
        str: "text",
        SecretStr: "text",
        Path: "path",
    }
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "shown_default" in extra:
        return str(extra["shown_default"])
    default = field.get_default(call_default_factory=True)
    if default is None:
        return "none"
    if isinstance(default, bool):
        return "true" if default else "false"
    return "{}" if default == {} else str(default)


def as_text(rows: Iterable[SettingRow]) -> str:
    """The table for a terminal."""
    return "\n".join(f"{row.variable}={row.default}\n    {row.type}. {row.meaning}" for row in rows)


def as_markdown(rows: Iterable[SettingRow]) -> str:
    """The table for the documentation."""
    lines = [
        "# Settings",
        "",
        "Every setting of `pulsemesh-server` is an environment variable. This page is made by",
        "`pulsemesh-server settings --markdown`.",
        "",
        "| Variable | Type | Default | Meaning |",
        "|---|---|---|---|",
    ]
    for row in rows:
        cells = (f"`{row.variable}`", row.type, f"`{row.default}`", row.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
