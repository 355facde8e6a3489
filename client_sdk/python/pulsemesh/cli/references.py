"""Names for workouts and recordings that are shorter than their ids."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from pulsemesh import Client
from pulsemesh.cli.failures import CommandFailure, Exit

__all__ = ["LATEST", "find_recording", "find_workout", "short"]

LATEST = "latest"
ULID_LENGTH = 26
SHORT_LENGTH = 8
# An abbreviation is looked for among so many of the latest.
SEARCHED = 5_000


def short(identifier: str) -> str:
    """Return the end of an id, where its chance lies: two of the same second differ there."""
    return identifier[-SHORT_LENGTH:]


async def find_workout(client: Client, reference: str) -> str:
    """Return the id of the workout that `reference` means.

    `latest`, a whole id, or the beginning or the end of one. Raises `CommandFailure` where
    none or more than one fits.
    """
    return await _find(
        reference,
        (workout.workout_id async for workout in client.workouts.list(limit=SEARCHED, page_size=200)),
        "workout",
    )


async def find_recording(client: Client, reference: str) -> str:
    """Return the id of the recording that `reference` means; `latest` is the newest that is open."""
    if reference == LATEST:
        open_ones = client.recordings.list(states=["open", "finishing"], limit=1)
        return await _find(reference, (one.recording_id async for one in open_ones), "open recording")
    return await _find(
        reference,
        (one.recording_id async for one in client.recordings.list(limit=SEARCHED, page_size=100)),
        "recording",
    )


async def _find(reference: str, identifiers: AsyncGenerator[str, None], what: str) -> str:
    wanted = reference.upper().lstrip("…")
    if len(wanted) == ULID_LENGTH:
        await identifiers.aclose()
        return wanted
    async with aclosing(identifiers):
        if reference == LATEST:
            found = [one async for one in _first(identifiers)]
        else:
            found = [one async for one in identifiers if one.startswith(wanted) or one.endswith(wanted)]
    if not found:
        missing = f"There is no {what}." if reference == LATEST else f"No {what} is called {reference}."
        raise CommandFailure(missing, Exit.NOT_FOUND, hint="pulsemesh list shows what there is")
    if len(found) > 1:
        raise CommandFailure(
            f"{reference} fits {len(found)} {what}s: {', '.join(found[:3])}{' …' if len(found) > 3 else ''}",
            Exit.NOT_FOUND,
            hint="give more of the id",
        )
    return found[0]


async def _first(identifiers: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    async for identifier in identifiers:
        yield identifier
        return
