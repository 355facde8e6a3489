"""From the environment to `Settings`, or to messages that name the variables at fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings
from pydantic_settings import SettingsError as SourceError

from services.chassis.settings.model import ENVIRONMENT_PREFIX, NESTED_DELIMITER, Settings

Model = TypeVar("Model", bound=BaseSettings)


class SettingsError(Exception):
    """Settings that cannot be used.

    Attributes:
        problems: one line each, naming the variables at fault.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_settings(overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the environment; `overrides` (nested dictionaries, from the command line) win.

    Raises:
        SettingsError: naming every variable at fault. Values are not repeated: they may be secrets.
    """
    return _read(Settings, overrides or {})


def require_domain_settings(models: Iterable[type[BaseSettings]]) -> None:
    """Read the settings of domains, which read them again when they start.

    Raises:
        SettingsError: naming every variable at fault, of all domains.
    """
    problems: list[str] = []
    for model in models:
        try:
            _read(model, {})
        except SettingsError as error:
            problems.extend(error.problems)
    if problems:
        raise SettingsError(problems)


def _read(model: type[Model], overrides: Mapping[str, Any]) -> Model:
    prefix = prefix_of(model)
    try:
        return model(**overrides)
    except ValidationError as error:
        found = error.errors(include_input=False)
        raise SettingsError([_describe(problem, prefix) for problem in found]) from None
    except SourceError as error:
        raise SettingsError([f"{_variable_in(str(error), prefix)}: is not valid JSON"]) from None


def prefix_of(model: type[BaseSettings]) -> str:
    """What the variables of a model begin with."""
    return model.model_config.get("env_prefix", "")


def variable(path: tuple[str, ...], prefix: str = ENVIRONMENT_PREFIX) -> str:
    """The environment variable of a setting: ("server", "listen") is PULSEMESH_SERVER__LISTEN."""
    return prefix + NESTED_DELIMITER.join(part.upper() for part in path)


def _describe(problem: Any, prefix: str) -> str:
    path = tuple(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{variable(path, prefix)}: {message}" if path else _with_variables(message)


def _with_variables(message: str) -> str:
    """A message about several settings, with their variables' names in place of their own."""
    return " ".join(_with_variable(word) for word in message.split(" "))


def _with_variable(word: str) -> str:
    bare = word.rstrip(":,")
    name, equals, value = bare.partition("=")
    parts = tuple(name.split("."))
    if (
        len(parts) == 2
        and parts[0] in Settings.model_fields
        and all(part.replace("_", "").isalpha() for part in parts)
    ):
        return variable(parts) + equals + value + word[len(bare) :]
    return word


def _variable_in(message: str, prefix: str) -> str:
    """The source names the field, `error parsing value for field "channels" from source …`."""
    parts = message.split('"')
    return variable(tuple(parts[1].split(".")), prefix) if len(parts) > 2 else f"{prefix}*"
