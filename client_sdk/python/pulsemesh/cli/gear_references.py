"""Gear by a name that is shorter than its id."""

from __future__ import annotations

from pulsemesh import Client
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.references import ULID_LENGTH
from pulsemesh.profile.v1 import gear_pb2

__all__ = ["find_gear"]


async def find_gear(client: Client, reference: str) -> gear_pb2.Gear:
    """Return the gear that `reference` means: an id, an end of one, or a name."""
    wanted = reference.upper().lstrip("…")
    if len(wanted) == ULID_LENGTH and " " not in wanted:
        return await client.gear.get(wanted)
    known = [each async for each in client.gear.list(with_retired=True, page_size=200)]
    named = [each for each in known if each.name.casefold() == reference.casefold()]
    found = named or [each for each in known if each.gear_id.endswith(wanted)]
    if len(found) == 1:
        return found[0]
    many = f"{reference} fits {len(found)} pieces of gear." if found else f"No gear is called {reference}."
    raise CommandFailure(many, Exit.NOT_FOUND, hint="pulsemesh gear list --all shows what there is")
