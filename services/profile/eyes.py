"""What one person sees of another's profile: settings, relation, consents, through the privacy function."""

from __future__ import annotations

from services.chassis.consent import ConsentGate
from services.chassis.database import Database
from services.chassis.privacy import EVERYTHING, Relations, View, decide, refused_by, withheld
from services.profile import choosing


class Eyes:
    """Decides."""

    def __init__(self, database: Database, relations: Relations, consent: ConsentGate) -> None:
        self._database = database
        self._relations = relations
        self._consent = consent

    async def view(self, viewer_id: str, owner_id: str) -> View:
        """What `viewer_id` sees of `owner_id`, whether or not there is such a person."""
        relation = await self._relations.between(viewer_id, owner_id)
        if relation.myself:
            return EVERYTHING
        async with self._database.read() as view:
            settings = await view.run(choosing.settings, owner_id)
        refused = await refused_by(self._consent, owner_id)
        return decide(settings, relation, withheld=withheld(refused))
