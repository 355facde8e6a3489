"""What every command has: a platform, a sign-in, a console, and a way to fail well."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec

import click
from rich.console import Console

from pulsemesh import Client, connect
from pulsemesh.cli.failures import CommandFailure, Exit, from_error
from pulsemesh.cli.store import KeptSession, Store
from pulsemesh.credentials import Credentials, SessionCredentials
from pulsemesh.errors import PulsemeshError
from pulsemesh.target import DEFAULT_PORT

__all__ = ["Session", "command"]

P = ParamSpec("P")


@dataclass
class Session:
    """One run of a command."""

    given_target: str = ""
    given_token: str = ""
    as_json: bool = False
    store: Store = field(default_factory=Store)

    @property
    def target(self) -> str:
        """The platform: as given, else where one signed in last, else this machine."""
        return self.given_target or self.store.target() or f"127.0.0.1:{DEFAULT_PORT}"

    @functools.cached_property
    def console(self) -> Console:
        """Standard output, as wide as the terminal, or 100 columns where there is none."""
        width = None if os.environ.get("COLUMNS") or sys.stdout.isatty() else 100
        return Console(width=width, highlight=False, soft_wrap=False)

    def token(self) -> str:
        """Return the token to call with, empty where nobody is signed in."""
        if self.given_token:
            return self.given_token
        sign_in = self.store.get(self.target)
        return sign_in.access_token if sign_in else ""

    def credentials(self) -> Credentials | str:
        """Return what to call with: a token, or a session that renews itself; empty where nobody is signed
        in.
        """
        sign_in = None if self.given_token else self.store.get(self.target)
        if sign_in is None or not sign_in.refresh_token:
            return self.token()
        keeper = KeptSession(self.store, self.target, sign_in.login)
        return SessionCredentials(sign_in.tokens(), keeper)

    @asynccontextmanager
    async def client(self, *, anonymous: bool = False) -> AsyncIterator[Client]:
        """Connect to the platform as the one who is signed in. Raises `CommandFailure` where nobody is."""
        credentials = "" if anonymous else self.credentials()
        if not credentials and not anonymous:
            raise CommandFailure(
                f"You are not signed in at {self.target}.", Exit.SIGN_IN, hint="pulsemesh login NAME"
            )
        async with connect(self.target, credentials or None) as client:
            yield client


def command(function: Callable[Concatenate[Session, P], Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a plain click callback of an async one; what goes wrong becomes a sentence and an exit code."""

    @functools.wraps(function)
    @click.pass_context
    def run(context: click.Context, /, *args: P.args, **kwargs: P.kwargs) -> None:
        session = context.ensure_object(Session)
        # Each command takes --json, and so does the group.
        session.as_json = bool(kwargs.pop("as_json", False)) or session.as_json
        try:
            asyncio.run(function(session, *args, **kwargs))
        except (CommandFailure, PulsemeshError, OSError, ValueError) as error:
            raise _failure(error, session) from error
        except KeyboardInterrupt:
            context.exit(int(Exit.INTERRUPTED))

    return run


def _failure(error: Exception, session: Session) -> CommandFailure:
    match error:
        case CommandFailure():
            failure = error
        case PulsemeshError():
            failure = from_error(error, session.target)
        case _:
            failure = CommandFailure(str(error))
    failure.as_json = session.as_json
    return failure
