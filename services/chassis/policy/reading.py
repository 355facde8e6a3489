"""From descriptors to `MethodInfo`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.duration_pb2 import Duration

from pulsemesh.policy.v1 import policy_pb2
from services.chassis.policy.model import CachePolicy, MethodInfo, MethodPolicy, RateLimitPolicy


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def _rate_limit(policy: policy_pb2.MethodPolicy) -> RateLimitPolicy | None:
    if not policy.HasField("rate_limit"):
        return None
    limit = policy.rate_limit
    return RateLimitPolicy(
        calls=limit.calls,
        period_s=_seconds(limit.period),
        burst=limit.burst or limit.calls,
        key=limit.key,
        on_failure=limit.on_failure,
        messages_per_second=limit.messages_per_second,
        shared=limit.shared,
    )


def _cache(policy: policy_pb2.MethodPolicy) -> CachePolicy | None:
    if not policy.HasField("cache"):
        return None
    return CachePolicy(
        time_to_live_s=_seconds(policy.cache.time_to_live),
        scope=policy.cache.scope,
        invalidated_by=frozenset(policy.cache.invalidated_by),
    )


def _policy(policy: policy_pb2.MethodPolicy) -> MethodPolicy:
    return MethodPolicy(
        access=frozenset(policy.access),
        scopes=frozenset(policy.scopes),
        staff_roles=frozenset(policy.staff_roles),
        rate_limit=_rate_limit(policy),
        cache=_cache(policy),
        deadline_s=_seconds(policy.deadline) if policy.HasField("deadline") else None,
        retry=policy.retry,
        consents=frozenset(policy.consents),
        audit_action=policy.audit.action if policy.HasField("audit") else None,
        validated_by_handler=policy.validated_by_handler,
    )


def read_method(method: MethodDescriptor) -> MethodInfo:
    """What the contract says of one method."""
    options = method.GetOptions()
    declared = options.HasExtension(policy_pb2.method)
    service = method.containing_service
    return MethodInfo(
        path=f"/{service.full_name}/{method.name}",
        service=service.full_name,
        name=method.name,
        client_streaming=method.client_streaming,
        server_streaming=method.server_streaming,
        reads_only=options.idempotency_level == descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS,
        request_class=message_factory.GetMessageClass(method.input_type),
        response_class=message_factory.GetMessageClass(method.output_type),
        policy=_policy(options.Extensions[policy_pb2.method]) if declared else None,
    )


def read_service(service: ServiceDescriptor) -> list[MethodInfo]:
    """What the contract says of every method of a service."""
    return [read_method(method) for method in service.methods]


class MethodRegistry:
    """The methods of the services that were asked for, each descriptor read once."""

    def __init__(self, pool: descriptor_pool.DescriptorPool | None = None) -> None:
        self._pool = pool or descriptor_pool.Default()
        self._services: dict[str, dict[str, MethodInfo]] = {}

    def service(self, name: str) -> dict[str, MethodInfo]:
        """Methods by their name.

        Raises:
            LookupError: no imported contract declares the service.
        """
        methods = self._services.get(name)
        if methods is None:
            try:
                descriptor = self._pool.FindServiceByName(name)
            except KeyError:
                raise LookupError(f"no imported contract declares the service {name}") from None
            methods = {method.name: method for method in read_service(descriptor)}
            self._services[name] = methods
        return methods

    def method(self, path: str) -> MethodInfo:
        """The method of a gRPC path.

        Raises:
            LookupError: there is none.
        """
        service, _, name = path.removeprefix("/").partition("/")
        try:
            return self.service(service)[name]
        except KeyError:
            raise LookupError(f"the service {service} has no method {name}") from None

    def methods(self, services: Iterable[str]) -> Iterator[MethodInfo]:
        """Every method of the named services."""
        for name in services:
            yield from self.service(name).values()


_DEFAULT = MethodRegistry()


def default_registry() -> MethodRegistry:
    """The registry over every generated module that is imported; it only ever remembers what it read."""
    return _DEFAULT
