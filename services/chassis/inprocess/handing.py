"""Who calls, handed over as it is: in one process there is no wire on which a token would prove it."""

from __future__ import annotations

from services.chassis.auth.principal import Principal


class HandedPrincipal(str):
    """The value of `authorization` in a call within the process.

    A wire gives plain strings only, so no caller outside the process can make one.

    Attributes:
        principal: who calls.
    """

    __slots__ = ("principal",)

    principal: Principal

    def __new__(cls, principal: Principal) -> HandedPrincipal:
        """A value that reads as text where headers are logged, and carries the principal."""
        value = super().__new__(cls, "in-process")
        value.principal = principal
        return value
