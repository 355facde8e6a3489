"""What one person is to another: a port, and what stands in for it until the social domain exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Relation:
    """What the one who looks is to the person who is looked at.

    Attributes:
        myself: they are one person.
        follower: the person accepted the other as a follower.
        shares_group: both are members of a group.
        blocked: the person wants the other to see nothing, whatever else holds.
    """

    myself: bool = False
    follower: bool = False
    shares_group: bool = False
    blocked: bool = False


MYSELF = Relation(myself=True)
STRANGER = Relation()


class Relations(Protocol):
    """Knows how people stand to each other."""

    async def between(self, viewer_id: str, owner_id: str) -> Relation:
        """What `viewer_id` is to `owner_id`. When that cannot be known, they are strangers."""
        ...


class NobodyKnows:
    """Everyone is a stranger to everybody else."""

    async def between(self, viewer_id: str, owner_id: str) -> Relation:
        """See `Relations.between`."""
        return MYSELF if viewer_id and viewer_id == owner_id else STRANGER
