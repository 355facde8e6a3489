"""One Redis connection that listens to any number of pub/sub channels and comes back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable

import structlog
from redis.asyncio.client import PubSub

from services.chassis.cancellation import end_tasks
from services.chassis.redis_client import DOWN, RedisClient

MAX_PAUSE_S = 2.0

_log = structlog.get_logger(__name__)


class ChannelListener:
    """Calls back for each message; what is sent while the connection is down is lost, as pub/sub has it."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._callbacks: dict[str, Callable[[bytes], None]] = {}
        self._reconnected: list[Callable[[], None]] = []
        self._listening: dict[str, asyncio.Event] = {}
        self._pubsub: PubSub | None = None
        self._some = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def add(
        self, channel: str, callback: Callable[[bytes], None], on_connect: Callable[[], None] | None = None
    ) -> None:
        """Listen to `channel` from the moment this returns, or from when the server is back.

        `on_connect` is called after each (re)connection: something may have been missed before it.
        """
        self._callbacks[channel] = callback
        confirmed = self._listening[channel] = asyncio.Event()
        if on_connect is not None:
            self._reconnected.append(on_connect)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="channel-listener")
        self._some.set()
        if self._pubsub is not None:
            with contextlib.suppress(*DOWN):
                await self._pubsub.subscribe(channel)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MAX_PAUSE_S):
                await confirmed.wait()

    def listens_to(self, channel: str) -> bool:
        """Whether `channel` was added and not removed."""
        return channel in self._callbacks

    async def remove(self, channel: str) -> None:
        """Listen to `channel` no more."""
        self._callbacks.pop(channel, None)
        self._listening.pop(channel, None)
        if self._pubsub is not None:
            with contextlib.suppress(*DOWN):
                await self._pubsub.unsubscribe(channel)

    async def close(self) -> None:
        """End the connection."""
        if self._task is not None:
            await end_tasks(self._task)
            self._task = None

    async def _run(self) -> None:
        failures = 0
        while True:
            await self._some.wait()
            try:
                await self._listen()
                failures = 0
            except DOWN as error:
                failures += 1
                pause = min(0.05 * 2.0 ** min(failures, 10), MAX_PAUSE_S) * random.uniform(0.75, 1.25)
                _log.warning("channel_listener_waits", reason=str(error), pause_s=round(pause, 3))
                await asyncio.sleep(pause)

    async def _listen(self) -> None:
        pubsub = self._client.pubsub()
        try:
            channels = tuple(self._callbacks)
            if not channels:
                self._some.clear()
                return
            await pubsub.subscribe(*channels)
            self._pubsub = pubsub
            for channel in set(self._callbacks) - set(channels):  # added while the connection was made
                await pubsub.subscribe(channel)
            for call in self._reconnected:
                call()
            await self._dispatch(pubsub)
        finally:
            self._pubsub = None
            with contextlib.suppress(*DOWN):
                await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _dispatch(self, pubsub: PubSub) -> None:
        while self._callbacks:
            message = await pubsub.get_message(timeout=None)
            if message is None:
                continue
            channel = message["channel"].decode()
            if message["type"] == "message":
                callback = self._callbacks.get(channel)
                if callback is not None:
                    callback(message["data"])
            elif message["type"] == "subscribe" and channel in self._listening:
                self._listening[channel].set()
