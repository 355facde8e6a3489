"""The rate limits of the policies, in Envoy's terms.

Each process of the gateway counts for itself first, which costs next to nothing. The methods whose policy
says `shared` are then counted over all processes by the rate limit service. Streams count once: what may
flow on one is the services' to bound.
"""

from __future__ import annotations

from pulsemesh.policy.v1.policy_pb2 import LimitFailure, RateLimitKey
from services.chassis.policy import RateLimitPolicy
from services.gateway.configuration.values import SUBJECT, Value, seconds, typed
from services.gateway.shape import Bounds

FILTER = "envoy.filters.http.local_ratelimit"
TYPE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
DOMAIN = "pulsemesh"

USER = "user"
ADDRESS = "remote_address"
METHOD = "method"
ANONYMOUS = "anonymous"

UNBOUNDED = 1_000_000_000


def _caller(*before: Value) -> list[Value]:
    """Actions that name the caller: by identity, else by address."""
    by_identity: Value = {"request_headers": {"header_name": SUBJECT, "descriptor_key": USER}}
    nobody: Value = {
        "header_value_match": {
            "descriptor_key": ANONYMOUS,
            "descriptor_value": "true",
            "expect_match": False,
            "headers": [{"name": SUBJECT, "present_match": True}],
        }
    }
    by_address: Value = {"remote_address": {}}
    return [{"actions": [*before, by_identity]}, {"actions": [*before, nobody, by_address]}]


def _bucket(limit: RateLimitPolicy) -> Value:
    return {
        "max_tokens": limit.burst,
        "tokens_per_fill": limit.calls,
        "fill_interval": seconds(limit.period_s),
    }


def _unbounded(interval_s: float) -> Value:
    return {"max_tokens": UNBOUNDED, "tokens_per_fill": UNBOUNDED, "fill_interval": seconds(interval_s)}


def _enabled() -> Value:
    return {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}


def local_limit(limit: RateLimitPolicy, stat: str, bounds: Bounds) -> Value:
    """What one process allows of one method; goes into the method's route."""
    common: Value = {
        "stat_prefix": stat,
        "filter_enabled": _enabled(),
        "filter_enforced": _enabled(),
        "rate_limited_as_resource_exhausted": True,
    }
    if limit.key == RateLimitKey.RATE_LIMIT_KEY_METHOD:
        return typed(TYPE, **common, token_bucket=_bucket(limit))
    bucket = _bucket(limit)
    return typed(
        TYPE,
        **common,
        token_bucket=_unbounded(limit.period_s),
        always_consume_default_token_bucket=False,
        max_dynamic_descriptors=bounds.counted_callers,
        rate_limits=_caller(),
        descriptors=[
            {"entries": [{"key": USER}], "token_bucket": bucket},
            {
                "entries": [{"key": ANONYMOUS, "value": "true"}, {"key": ADDRESS}],
                "token_bucket": bucket,
            },
        ],
    )


def http_limit(bounds: Bounds) -> Value:
    """The limit on each address for plain HTTP pages."""
    limit = RateLimitPolicy(
        calls=bounds.page_calls_per_minute,
        period_s=60.0,
        burst=bounds.page_calls_per_minute,
        key=RateLimitKey.RATE_LIMIT_KEY_CALLER,
        on_failure=LimitFailure.LIMIT_FAILURE_OPEN,
        messages_per_second=0,
    )
    return local_limit(limit, "http_pages", bounds)


def shared_limit(limit: RateLimitPolicy, path: str) -> list[Value]:
    """By what the rate limit service counts a call; empty where the gateway's own count is enough."""
    if not limit.shared:
        return []
    method: Value = {"generic_key": {"descriptor_key": METHOD, "descriptor_value": path}}
    if limit.key == RateLimitKey.RATE_LIMIT_KEY_METHOD:
        return [{"actions": [method]}]
    return _caller(method)
