"""The gRPC service config of a domain, made from the policies of its methods."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pulsemesh.policy.v1.policy_pb2 import Retry
from services.chassis.policy import MethodInfo

RETRIED = frozenset({Retry.RETRY_SAFE, Retry.RETRY_BY_REQUEST_ID})
RETRY_POLICY: dict[str, Any] = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2.0,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
RETRY_THROTTLING = {"maxTokens": 100, "tokenRatio": 0.1}
"""Retries stop while more than half of the recent calls failed, so that they never double an overload."""


def is_retried(method: MethodInfo) -> bool:
    """Whether the channel repeats a call by itself.

    Not one whose client sends a stream: the channel would have to keep the whole stream to send it again, and
    the sender knows better from where to go on.
    """
    return method.policy is not None and method.policy.retry in RETRIED and not method.client_streaming


def service_config(methods: Iterable[MethodInfo], *, health_service: str) -> str:
    """The service config as JSON: deadlines, retries, round robin over the healthy addresses.

    Args:
        health_service: the service whose health decides whether an address gets calls.
    """
    config = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": health_service},
        "retryThrottling": RETRY_THROTTLING,
        "methodConfig": [_method_config(method) for method in methods],
    }
    return json.dumps(config, separators=(",", ":"))


def _method_config(method: MethodInfo) -> dict[str, Any]:
    config: dict[str, Any] = {"name": [{"service": method.service, "method": method.name}]}
    if method.policy is not None and method.policy.deadline_s is not None:
        config["timeout"] = f"{method.policy.deadline_s:.3f}s"
    if is_retried(method):
        config["retryPolicy"] = RETRY_POLICY
    return config
