"""What the uplink is set to, and what it says of the platform and of recordings."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from pulsemesh.errors import PulsemeshError

PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    }
)
"""Status codes that another attempt may well not meet."""


class PlatformUnreachable(Exception):
    """The platform did not answer for as long as was to be waited; everything is kept in the spool."""


class CredentialsRefused(Exception):
    """The platform does not accept who we say we are; everything is kept in the spool."""


@dataclass(frozen=True, slots=True)
class UplinkSettings:
    """How the uplink behaves.

    Attributes:
        backlog_sessions: recordings that go up at the same time, besides those that are being recorded.
        refused_pause_s: pause after the platform refused our credentials; they may be renewed meanwhile.
        file_pause_s: pause after an original file could not be sent.
    """

    backlog_sessions: int = 4
    refused_pause_s: float = 30.0
    file_pause_s: float = 5.0


@dataclass(frozen=True, slots=True)
class UplinkProgress:
    """How far a recording is: samples that the platform has, and samples there are."""

    committed: int
    samples: int


@dataclass(frozen=True, slots=True)
class Settled:
    """How a recording's way ended.

    Attributes:
        workout_id: empty where it failed, or where other writers still owe samples (`waiting_for`).
        duplicate: the workout existed before we sent anything.
        failure: why the platform will not take it; empty when it did.
    """

    workout_id: str = ""
    duplicate: bool = False
    waiting_for: tuple[str, ...] = ()
    failure: str = ""


def text_of(error: Exception) -> str:
    """An error in words, the reason first where the platform gave one."""
    if isinstance(error, PulsemeshError):
        return f"{error.reason_name or error.code.name}: {error}"
    return str(error)
