"""Channels over TLS whose certificate is renewed while they are open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
import structlog

from services.chassis.certificate_pairs import PairBroken, read_pair

_log = structlog.get_logger(__name__)

LOOK_EVERY_S = 5.0
OLD_CHANNEL_GRACE_S = 300.0
"""Calls that are under way when the certificate changes end on the connection they began on."""


class ChannelCertificates:
    """The files by which this process proves itself to servers, and believes them."""

    def __init__(self, authority: Path, certificate: Path | None, key: Path | None) -> None:
        self._authority = authority
        self._certificate = certificate
        self._key = key

    def credentials(self) -> grpc.ChannelCredentials:
        """Credentials of what the files hold now.

        Raises:
            OSError: a file cannot be read.
            PairBroken: key and certificate do not belong together.
        """
        authority = self._authority.read_bytes()
        if self._certificate is None or self._key is None:
            return grpc.ssl_channel_credentials(root_certificates=authority)
        chain, key = read_pair(self._certificate, self._key)
        return grpc.ssl_channel_credentials(
            root_certificates=authority, private_key=key, certificate_chain=chain
        )

    def version(self) -> tuple[int, ...]:
        """Another value after any of the files was replaced.

        Raises:
            OSError: a file cannot be read.
        """
        files = [path for path in (self._authority, self._certificate, self._key) if path is not None]
        return tuple(path.stat().st_mtime_ns for path in files)


class RenewedChannel(grpc.aio.Channel):
    """A channel that is opened anew when the certificate's files change; calls under way go on."""

    def __init__(
        self,
        open_channel: Callable[[grpc.ChannelCredentials], grpc.aio.Channel],
        certificates: ChannelCertificates,
        *,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._open_channel = open_channel
        self._certificates = certificates
        self._look_every_s = look_every_s
        self._version = certificates.version()
        self._channel = open_channel(certificates.credentials())
        self._looked_at_s = float("-inf")
        self._closing: set[asyncio.Task[None]] = set()

    def _current(self) -> grpc.aio.Channel:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._looked_at_s >= self._look_every_s:
            self._looked_at_s = now_s
            self._renew()
        return self._channel

    def _renew(self) -> None:
        try:
            version = self._certificates.version()
            if version == self._version:
                return
            channel = self._open_channel(self._certificates.credentials())
        except (OSError, PairBroken) as error:
            _log.warning("channel_certificate_unreadable", error=str(error))
            return
        task = asyncio.create_task(self._channel.close(OLD_CHANNEL_GRACE_S))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        self._channel, self._version = channel, version

    def _calling(self, shape: str, method: str, *arguments: Any, **options: Any) -> Any:
        made: dict[int, Any] = {}

        def call(*call_arguments: Any, **call_options: Any) -> Any:
            channel = self._current()
            multi_callable = made.get(id(channel))
            if multi_callable is None:
                made.clear()
                multi_callable = made[id(channel)] = getattr(channel, shape)(method, *arguments, **options)
            return multi_callable(*call_arguments, **call_options)

        return call

    def unary_unary(self, method: str, *arguments: Any, **options: Any) -> Any:
        """See `grpc.aio.Channel.unary_unary`."""
        return self._calling("unary_unary", method, *arguments, **options)

    def unary_stream(self, method: str, *arguments: Any, **options: Any) -> Any:
        """See `grpc.aio.Channel.unary_stream`."""
        return self._calling("unary_stream", method, *arguments, **options)

    def stream_unary(self, method: str, *arguments: Any, **options: Any) -> Any:
        """See `grpc.aio.Channel.stream_unary`."""
        return self._calling("stream_unary", method, *arguments, **options)

    def stream_stream(self, method: str, *arguments: Any, **options: Any) -> Any:
        """See `grpc.aio.Channel.stream_stream`."""
        return self._calling("stream_stream", method, *arguments, **options)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """See `grpc.aio.Channel.get_state`."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """See `grpc.aio.Channel.wait_for_state_change`."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """See `grpc.aio.Channel.channel_ready`."""
        await self._current().channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Close the channel, and those that it replaced."""
        for task in list(self._closing):
            task.cancel()
        if self._closing:
            await asyncio.wait(set(self._closing))
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
