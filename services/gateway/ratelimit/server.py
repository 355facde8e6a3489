"""Answers whether a call is one too many, by the policy of its method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import grpc

from services.chassis.limits import RateLimiter
from services.chassis.policy import MethodInfo, RateLimitPolicy, contract_services, default_registry
from services.gateway.configuration.limits import ADDRESS, DOMAIN, METHOD, USER
from services.gateway.ratelimit import wire


def _contract_methods() -> Iterable[MethodInfo]:
    return default_registry().methods(contract_services())


class RateLimits:
    """Counts calls by method and caller."""

    def __init__(self, limiter: RateLimiter, limits: Mapping[str, RateLimitPolicy]) -> None:
        """
        Args:
            limits: by the method's path.
        """
        self._limiter = limiter
        self._limits = limits

    async def allowed(self, entries: Mapping[str, str]) -> bool:
        """Take a token for what the entries of a descriptor name; a method that nobody limits is free."""
        path = entries.get(METHOD, "")
        limit = self._limits.get(path)
        if limit is None:
            return True
        caller = entries.get(USER) or entries.get(ADDRESS, "")
        decision = await self._limiter.take(f"{path}|{caller}", limit.calls, limit.period_s, limit.burst)
        return decision.allowed

    async def should_rate_limit(self, request: Any, _context: Any) -> Any:
        """`envoy.service.ratelimit.v3.RateLimitService.ShouldRateLimit`."""
        codes = []
        for descriptor in request.descriptors:
            entries = {entry.key: entry.value for entry in descriptor.entries}
            known = request.domain == DOMAIN
            codes.append(wire.OK if not known or await self.allowed(entries) else wire.OVER_LIMIT)
        overall = wire.OVER_LIMIT if wire.OVER_LIMIT in codes else wire.OK
        return wire.RateLimitResponse(overall_code=overall, statuses=[{"code": code} for code in codes])


class RateLimitServer:
    """The service on a port for the gateway alone: it has no access control, so it belongs on loopback."""

    def __init__(
        self,
        limiter: RateLimiter,
        *,
        listen: str,
        methods: Iterable[MethodInfo] | None = None,
    ) -> None:
        """
        Args:
            methods: whose policies count; all of the contracts if absent.
        """
        chosen = _contract_methods() if methods is None else methods
        limits = {
            method.path: method.policy.rate_limit
            for method in chosen
            if method.policy is not None and method.policy.rate_limit is not None
        }
        self._limits = RateLimits(limiter, limits)
        self._listen = listen
        self._server: grpc.aio.Server | None = None

    async def start(self) -> str:
        """Take calls; returns the address that was bound."""
        server = grpc.aio.server()
        handler = grpc.unary_unary_rpc_method_handler(
            self._limits.should_rate_limit,
            request_deserializer=wire.RateLimitRequest.FromString,
            response_serializer=wire.RateLimitResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(wire.SERVICE, {wire.METHOD: handler}),)
        )
        port = server.add_insecure_port(self._listen)
        await server.start()
        self._server = server
        return f"{self._listen.rpartition(':')[0]}:{port}"

    async def stop(self) -> None:
        """End."""
        if self._server is not None:
            await self._server.stop(1.0)
