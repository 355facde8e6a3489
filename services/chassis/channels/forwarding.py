"""What a call takes along when it causes another: its trace, its deadline, and for whom it acts."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import grpc

from services.chassis.call import Call, find_call
from services.chassis.channels.credentials import CallCredentials, Pairs
from services.chassis.policy import MethodInfo


def forwarded_metadata(
    given: Any, method: MethodInfo | None, call: Call | None, credentials: CallCredentials
) -> Pairs:
    """`given` and what is added to it; what the caller gave itself stays as it is."""
    pairs: Pairs = [(key, value) for key, value in given or ()]
    present = {key for key, _ in pairs}
    if call is not None and "traceparent" not in present:
        pairs.append(("traceparent", call.traceparent))
        pairs.append(("x-request-id", call.request_id))
    if "authorization" not in present:
        pairs.extend(credentials.pairs(method, call))
    return pairs


def forwarded_timeout(given_s: float | None, policy_s: float | None, call: Call | None) -> float | None:
    """The least of what the caller and the method's policy allow and what remains of the running call."""
    remaining_s = None if call is None else call.deadline_s()
    limits_s = [limit for limit in (given_s, policy_s, remaining_s) if limit is not None]
    return min(limits_s, default=None)


class _ForwardingCallable:
    """A multi-callable of any shape: the arguments of all four begin alike."""

    def __init__(self, callable_: Any, method: MethodInfo | None, credentials: CallCredentials) -> None:
        self._callable = callable_
        self._method = method
        self._policy_s = None if method is None or method.policy is None else method.policy.deadline_s
        self._credentials = credentials

    def __call__(
        self, request: Any = None, timeout: float | None = None, metadata: Any = None, **options: Any
    ) -> Any:
        call = find_call()
        return self._callable(
            request,
            timeout=forwarded_timeout(timeout, self._policy_s, call),
            metadata=tuple(forwarded_metadata(metadata, self._method, call, self._credentials)),
            **options,
        )


class ForwardingChannel(grpc.aio.Channel):
    """A channel around another, in-process or remote, that adds what belongs to the running call."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        methods: Mapping[str, MethodInfo],
        credentials: CallCredentials,
    ) -> None:
        self._channel = channel
        self._methods = methods
        self._credentials = credentials

    def _forwarding(self, path: str, callable_: Any) -> Any:
        return _ForwardingCallable(callable_, self._methods.get(path), self._credentials)

    def unary_unary(self, method: str, *arguments: Any, **options: Any) -> Any:
        """See `grpc.aio.Channel.unary_unary`."""
        return self._forwarding(method, self._channel.unary_unary(method, *arguments, **options))

    def unary_stream(self, method: str, *arguments: Any, **options: Any) -> Any:
        """See `grpc.aio.Channel.unary_stream`."""
        return self._forwarding(method, self._channel.unary_stream(method, *arguments, **options))

    def stream_unary(self, method: str, *arguments: Any, **options: Any) -> Any:
        """See `grpc.aio.Channel.stream_unary`."""
        return self._forwarding(method, self._channel.stream_unary(method, *arguments, **options))

    def stream_stream(self, method: str, *arguments: Any, **options: Any) -> Any:
        """See `grpc.aio.Channel.stream_stream`."""
        return self._forwarding(method, self._channel.stream_stream(method, *arguments, **options))

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """See `grpc.aio.Channel.get_state`."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """See `grpc.aio.Channel.wait_for_state_change`."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """See `grpc.aio.Channel.channel_ready`."""
        await self._channel.channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Close the channel that it stands before."""
        await self._channel.close(grace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
