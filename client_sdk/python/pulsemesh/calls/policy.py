"""What a method's contract says about calling it, read from its descriptor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from google.protobuf import descriptor_pool

from pulsemesh.policy.v1 import policy_pb2

__all__ = ["CallPolicy", "call_policy"]


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """The part of a method's policy that concerns its callers."""

    method: str
    """Full name, as in `pulsemesh.workout.v1.WorkoutService.GetWorkout`."""
    retry: policy_pb2.Retry.ValueType
    deadline_s: float | None
    """The longest the call may take; None where it may stay open."""
    has_request_id: bool
    """True where the request carries the key by which the server knows a repeat."""
    validated_by_handler: bool

    @property
    def may_repeat(self) -> bool:
        """True where a call whose outcome is unknown may be sent again."""
        return self.retry in (policy_pb2.RETRY_SAFE, policy_pb2.RETRY_BY_REQUEST_ID)

    @property
    def fills_request_id(self) -> bool:
        """True where the client makes the request id by itself."""
        return self.retry == policy_pb2.RETRY_BY_REQUEST_ID and self.has_request_id


@cache
def call_policy(path: str) -> CallPolicy:
    """Return the policy of the method that gRPC calls `path`: `/package.Service/Method`.

    The contract's module must have been imported. Raises `LookupError` where the method is
    unknown or declares no policy: nothing is called without one.
    """
    name = path.removeprefix("/").replace("/", ".")
    try:
        descriptor = descriptor_pool.Default().FindMethodByName(name)
    except KeyError:
        raise LookupError(f"{name}: no such method in the imported contracts") from None
    options = descriptor.GetOptions()
    if not options.HasExtension(policy_pb2.method):
        raise LookupError(f"{name}: the contract declares no policy")
    policy = options.Extensions[policy_pb2.method]
    return CallPolicy(
        method=name,
        retry=policy.retry,
        deadline_s=policy.deadline.ToTimedelta().total_seconds() if policy.HasField("deadline") else None,
        has_request_id="request_id" in descriptor.input_type.fields_by_name,
        validated_by_handler=policy.validated_by_handler,
    )
