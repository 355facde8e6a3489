"""Request in, use case, response out: a servicer for each service of the contract."""

from services.profile.gear.servicers.assignment import GearAssignmentServicer
from services.profile.gear.servicers.inventory import GearServicer

__all__ = ["GearAssignmentServicer", "GearServicer"]
