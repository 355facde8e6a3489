"""How a call is made: policy, retries, credentials, validation. One wrapper for every method."""

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.calls.policy import CallPolicy, call_policy
from pulsemesh.calls.retry import RetrySettings

__all__ = ["CallPolicy", "PolicyChannel", "RetrySettings", "call_policy"]
