"""The parts of the inventory, for the module of the service."""

from __future__ import annotations

from pulsemesh.profile.v1.gear_assignment_service_pb2_grpc import (
    add_GearAssignmentServiceServicer_to_server,
)
from pulsemesh.profile.v1.gear_service_pb2_grpc import add_GearServiceServicer_to_server
from services.chassis.module import ModuleContext, RunningModule
from services.profile.gear.events import workout_consumer
from services.profile.gear.servicers import GearAssignmentServicer, GearServicer
from services.profile.gear.watching import GearWatch


def add_gear(running: RunningModule, context: ModuleContext) -> None:
    """Add the inventory to the service that is being built."""
    database, clock_ms = context.database("profile"), context.clock_ms
    assignment = GearAssignmentServicer(database, lambda: context.channel("workout"), clock_ms)
    running.servicers += [
        (add_GearServiceServicer_to_server, GearServicer(database, clock_ms)),
        (add_GearAssignmentServiceServicer_to_server, assignment),
    ]
    running.consumers.append(workout_consumer(database, clock_ms))
    running.background.append(GearWatch(database, clock_ms))
