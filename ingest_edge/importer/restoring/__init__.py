"""What was done to workouts after they were recorded, from an archive of ours, done again."""

from __future__ import annotations

from ingest_edge.importer.restoring.facts import ArchivedFacts
from ingest_edge.importer.restoring.restorer import Restorer, Restoring
from ingest_edge.importer.restoring.steps import Step, StepKind, StepStatus

__all__ = ["ArchivedFacts", "Restorer", "Restoring", "Step", "StepKind", "StepStatus"]
