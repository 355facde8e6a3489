"""Who sees what of whom: the settings and the relation that the privacy function decides by."""

from __future__ import annotations

from dataclasses import dataclass

from pulsemesh.policy.v1.policy_pb2 import Purpose
from pulsemesh.profile.v1 import privacy_pb2
from services.chassis.consent import ConsentGate
from services.chassis.database import Database
from services.chassis.privacy import (
    PrivacySource,
    Relation,
    Relations,
    View,
    decide,
    refused_by,
    withheld,
)
from services.workout.shared import store
from services.workout.shared.ids import SharedIds


@dataclass(frozen=True, slots=True)
class Sight:
    """What one person is to another, what that other chose, and which purposes that other refuses."""

    settings: privacy_pb2.PrivacySettings | None
    relation: Relation
    refused: frozenset[Purpose.ValueType] = frozenset()

    def view(self, override: privacy_pb2.WorkoutPrivacy | None = None) -> View:
        """What is seen, of one workout or in general."""
        return decide(self.settings, self.relation, override, withheld(self.refused))

    @property
    def analysed(self) -> bool:
        """Whether anything beyond the summary may be computed."""
        return Purpose.PURPOSE_TRAINING_ANALYSIS not in self.refused


class Sights:
    """Finds out."""

    def __init__(self, privacy: PrivacySource, relations: Relations, consent: ConsentGate) -> None:
        self._privacy = privacy
        self._consent = consent
        self._relations = relations

    async def of(self, viewer_id: str, owner_id: str) -> Sight:
        """How `viewer_id` sees `owner_id`."""
        relation = await self._relations.between(viewer_id, owner_id)
        if relation.myself or relation.blocked:
            return Sight(None, relation)
        settings = await self._privacy.settings(owner_id)
        return Sight(settings, relation, await refused_by(self._consent, owner_id))


class Names:
    """The shared ids of this installation."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._secret: bytes | None = None

    async def workouts(self) -> SharedIds:
        """Of workouts."""
        return SharedIds(await self._made_with(), "workout")

    async def recordings(self) -> SharedIds:
        """Of recordings."""
        return SharedIds(await self._made_with(), "recording")

    async def _made_with(self) -> bytes:
        if self._secret is None:
            async with self._database.read() as view:
                self._secret = await view.run(store.find_secret)
        if self._secret is None:
            async with self._database.write() as transaction:
                self._secret = await transaction.run(store.make_secret)
        return self._secret
