"""What the contract says about each method, read from the descriptors."""

from services.chassis.policy.checking import Hole, PolicyHoles, check_policies, require_policies
from services.chassis.policy.contracts import contract_services
from services.chassis.policy.model import (
    CachePolicy,
    MethodInfo,
    MethodPolicy,
    RateLimitPolicy,
)
from services.chassis.policy.reading import MethodRegistry, default_registry, read_method, read_service

__all__ = [
    "CachePolicy",
    "Hole",
    "MethodInfo",
    "MethodPolicy",
    "MethodRegistry",
    "PolicyHoles",
    "RateLimitPolicy",
    "check_policies",
    "contract_services",
    "default_registry",
    "read_method",
    "read_service",
    "require_policies",
]
