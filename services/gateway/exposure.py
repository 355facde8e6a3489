"""What of the contracts can be reached from outside, read from the methods' policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis.policy import MethodInfo

DEVELOPMENT_SERVICES = frozenset({"pulsemesh.auth.v1.DevelopmentIssuerService"})
"""Services that exist on developers' machines only: a production gateway has no way to them."""

PROVED_BY_CERTIFICATE = frozenset({"/pulsemesh.auth.v1.DelegationService/CreateServiceToken"})
"""Methods whose proof is the certificate of the connection: behind the gateway's own anybody may be."""

KINDS: Mapping[Access.ValueType, str] = {
    Access.ACCESS_USER: "user",
    Access.ACCESS_OWNER: "user",
    Access.ACCESS_DEVICE: "device",
    Access.ACCESS_STAFF: "staff",
}
"""Kinds of callers that come from outside, by the claim `kind`. Services call one another directly."""


@dataclass(frozen=True, slots=True)
class ExposedMethod:
    """A method that the gateway has a route for.

    Attributes:
        public: callers without a token are let through.
        reads_tokens: a token, where there is one, is looked at.
        kinds: the claim `kind` of the tokens that are let through; empty for everybody's methods.
    """

    method: MethodInfo
    public: bool
    reads_tokens: bool
    kinds: tuple[str, ...]


def _exposed(method: MethodInfo) -> ExposedMethod | None:
    policy = method.policy
    if policy is None or method.path in PROVED_BY_CERTIFICATE:
        return None
    public = Access.ACCESS_PUBLIC in policy.access
    kinds = tuple(sorted({KINDS[access] for access in policy.access if access in KINDS}))
    if not public and not kinds:
        return None
    return ExposedMethod(
        method,
        public=public,
        reads_tokens=policy.access != {Access.ACCESS_PUBLIC},
        kinds=() if public else kinds,
    )


def exposed_methods(methods: Iterable[MethodInfo], *, development: bool) -> list[ExposedMethod]:
    """The methods for callers from outside, in the order of their paths.

    A method for services alone is not among them, nor is one without a policy.
    """
    chosen = (
        _exposed(method) for method in methods if development or method.service not in DEVELOPMENT_SERVICES
    )
    return sorted((method for method in chosen if method is not None), key=lambda one: one.method.path)
