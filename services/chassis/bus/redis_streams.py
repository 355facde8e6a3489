"""The bus between processes: Redis Streams, partitioned by subject.

The server must keep what it took: ``appendonly yes`` (with ``appendfsync always`` where the loss of power
counts), ``maxmemory-policy noeviction``. Only commands that Redis 7.0 and Valkey share are used.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Collection, Sequence

import structlog
from redis.exceptions import ResponseError

from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis.bus.delivery import RetryPolicy
from services.chassis.bus.port import BusUnavailable, EventHandler
from services.chassis.bus.redis_erasing import erase_from_stream
from services.chassis.bus.redis_group import GroupMember
from services.chassis.bus.redis_layout import PUBLISH, Layout
from services.chassis.bus.redis_trimming import trim_stream
from services.chassis.live.channel_listener import ChannelListener
from services.chassis.redis_client import DOWN, open_redis

MAX_CALL_EVENTS = 500
MAX_CALL_BYTES = 4 * 1024 * 1024

_log = structlog.get_logger(__name__)


class RedisStreamsBus:
    """The `EventBus` over Redis or Valkey."""

    def __init__(
        self,
        url: str,
        *,
        cell: str,
        partitions: int = 16,
        policy: RetryPolicy | None = None,
        batch: int = 64,
        lease_ttl_s: float = 10.0,
        retention_s: float = 7 * 86_400.0,
    ) -> None:
        """
        Args:
            partitions: see `Layout.partitions`; also the most processes that can share a group's work.
            batch: the most events that a handler gets at once, hence in one transaction.
            lease_ttl_s: how long the partitions of a process that died stay unserved.
            retention_s: how long events are kept for replays once every group has settled them.
        """
        self._client = open_redis(url)
        self._layout = Layout(cell, partitions)
        self._policy = policy or RetryPolicy()
        self._batch = batch
        self._lease_ttl_s = lease_ttl_s
        self._retention_s = retention_s
        self._publish = self._client.register_script(PUBLISH)
        self._listener = ChannelListener(self._client)
        self._listening = False
        self._members: list[GroupMember] = []

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """See `EventBus.publish`; up to 500 events travel in one call."""
        call: list[Envelope] = []
        size = 0
        for envelope in envelopes:
            length = envelope.ByteSize()
            if call and (len(call) >= MAX_CALL_EVENTS or size + length > MAX_CALL_BYTES):
                await self._publish_call(call)
                call, size = [], 0
            call.append(envelope)
            size += length
        if call:
            await self._publish_call(call)

    async def subscribe(self, group: str, types: Collection[str], handler: EventHandler) -> GroupMember:
        """See `EventBus.subscribe`."""
        await self._listen()
        member = GroupMember(
            self._client,
            self._layout,
            member=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
            group=group,
            types=types,
            handler=handler,
            policy=self._policy,
            batch=self._batch,
            lease_ttl_s=self._lease_ttl_s,
        )
        self._members.append(member)
        return member

    async def replay(self, group: str, since_ms: int) -> None:
        """See `EventBus.replay`: moves the group's position back in every partition."""
        try:
            for partition in range(self._layout.partitions):
                stream = self._layout.stream(partition)
                # Positions are exclusive: just before the first entry of that millisecond.
                position = f"{max(since_ms - 1, 0)}-{2**64 - 1}" if since_ms > 0 else "0"
                await self._set_position(stream, group, position)
            await self._client.publish(self._layout.wake_channel, "*")
        except DOWN as error:
            raise BusUnavailable(str(error)) from error

    async def trim(self) -> int:
        """Drop what is older than the retention and settled by every group; returns how many entries."""
        before_ms = int((time.time() - self._retention_s) * 1000)
        try:
            removed = 0
            for partition in range(self._layout.partitions):
                removed += await trim_stream(self._client, self._layout.stream(partition), before_ms)
            return removed
        except DOWN as error:
            raise BusUnavailable(str(error)) from error

    async def erase(self, subject: str) -> int:
        """See `EventBus.erase`: looks through the one stream in which the subject's events are."""
        stream = self._layout.stream(self._layout.partition_of(subject))
        try:
            return await erase_from_stream(self._client, stream, subject)
        except DOWN as error:
            raise BusUnavailable(str(error)) from error

    async def forget_group(self, group: str) -> None:
        """Remove a group whose consumer was retired: it would hold back trimming for ever."""
        try:
            for partition in range(self._layout.partitions):
                await self._client.xgroup_destroy(self._layout.stream(partition), group)
        except DOWN as error:
            raise BusUnavailable(str(error)) from error

    async def ping(self) -> None:
        """See `EventBus.ping`."""
        try:
            await self._client.ping()
        except DOWN as error:
            raise BusUnavailable(str(error)) from error

    async def close(self) -> None:
        """See `EventBus.close`."""
        for member in self._members:
            await member.close()
        await self._listener.close()
        await self._client.aclose()

    async def _publish_call(self, envelopes: Sequence[Envelope]) -> None:
        partitions = [self._layout.partition_of(envelope.subject) for envelope in envelopes]
        used = sorted(set(partitions))
        index = {partition: position for position, partition in enumerate(used, start=1)}
        arguments: list[bytes | int | str] = [self._layout.wake_channel, ",".join(map(str, used))]
        for partition, envelope in zip(partitions, envelopes, strict=True):
            arguments += (index[partition], envelope.SerializeToString())
        try:
            await self._publish(keys=[self._layout.stream(partition) for partition in used], args=arguments)
        except DOWN as error:
            raise BusUnavailable(str(error) or type(error).__name__) from error
        except ResponseError as error:
            # Inside a script the server names the reason in its own words: out of memory, disk, replica.
            raise BusUnavailable(str(error), retry_after=2.0) from error

    async def _set_position(self, stream: str, group: str, position: str) -> None:
        try:
            await self._client.xgroup_setid(stream, group, position)
        except ResponseError as error:
            if "no such key" not in str(error) and not str(error).startswith("NOGROUP"):
                raise

    async def _listen(self) -> None:
        if not self._listening:
            self._listening = True
            await self._listener.add(self._layout.wake_channel, self._on_wake, self._wake_all)

    def _on_wake(self, message: bytes) -> None:
        partitions = None if message == b"*" else {int(number) for number in message.split(b",")}
        for member in self._members:
            member.wake(partitions)

    def _wake_all(self) -> None:
        for member in self._members:
            member.wake()
