"""The domains that exist. The only place that names them; a domain's code is imported when it is served."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pydantic_settings import BaseSettings

if TYPE_CHECKING:  # the command line reads settings before anything of gRPC may be imported
    from services.chassis.module import Module

MODULES: Mapping[str, str] = {
    "auth": "services.auth.module",
    "consent": "services.consent.module",
    "profile": "services.profile.module",
    "workout": "services.workout.module",
}
"""Domain to the Python module whose attribute `module` is a `services.chassis.module.Module`."""


SETTINGS: Mapping[str, tuple[str, str]] = {
    "auth": ("services.auth.settings", "IdentitySettings"),
    "auth, further ways in": ("services.auth.sign_in_settings", "SignInSettings"),
    "consent": ("services.consent.settings", "ConsentSettings"),
    "gateway": ("services.gateway.settings", "GatewaySettings"),
    "oauth": ("services.auth.oauth.settings", "OAuthSettings"),
    "workout": ("services.workout.settings", "WorkoutSettings"),
}
"""Domain to the Python module and the name of its settings, for those that have some."""


def domain_settings(settings: Mapping[str, tuple[str, str]] = SETTINGS) -> list[type[BaseSettings]]:
    """The settings models of the domains; imports nothing else of them."""
    return [getattr(importlib.import_module(module), name) for module, name in settings.values()]


class UnknownDomain(LookupError):
    """Somebody asked for a domain that does not exist."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no domain {name!r}; there are: {', '.join(sorted(known))}")


def domain_names(chosen: Iterable[str] = (), modules: Mapping[str, str] = MODULES) -> list[str]:
    """The chosen domains, or all when none is chosen, each once.

    Raises:
        UnknownDomain: one of them does not exist.
    """
    names = list(dict.fromkeys(chosen)) or list(modules)
    for name in names:
        if name not in modules:
            raise UnknownDomain(name, modules)
    return names


def load_modules(names: Iterable[str], modules: Mapping[str, str] = MODULES) -> list[Module]:
    """Import the modules of the named domains.

    Raises:
        UnknownDomain: one of them does not exist.
    """
    return [_load(name, modules) for name in domain_names(names, modules)]


def _load(name: str, modules: Mapping[str, str]) -> Module:
    module: Module = importlib.import_module(modules[name]).module
    return module
