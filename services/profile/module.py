"""What the profile service is: its servicers, tables and background work. The only builder."""

from __future__ import annotations

from pathlib import Path

from services.chassis.module import ModuleContext, RunningModule
from services.profile.tables import metadata


class ProfileModule:
    """See `services.chassis.module.Module`."""

    name = "profile"
    metadata = metadata
    migrations: Path | None = Path(__file__).parent / "migrations"

    async def start(self, context: ModuleContext) -> RunningModule:
        """Build the domain."""
        return RunningModule()


module = ProfileModule()
