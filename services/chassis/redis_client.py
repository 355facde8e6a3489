"""One way to connect to Redis or Valkey (7.0 and later), for every adapter that does."""

from __future__ import annotations

import redis.asyncio as redis
from redis import exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

RedisClient = redis.Redis

SOCKET_TIMEOUT_S = 5.0

DOWN = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.TryAgainError,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    OSError,
)
"""What passes by itself: the server is gone, loading, full, or a replica for the moment."""


def open_redis(url: str, *, max_connections: int = 64) -> RedisClient:
    """A client with a pool; connects when used.

    One immediate retry replaces a pooled connection that the server has closed; waiting is the caller's
    business.

    Args:
        url: ``redis://[:password@]host:port/number`` or ``rediss://…`` for TLS.
    """
    pool = redis.BlockingConnectionPool.from_url(
        url,
        timeout=SOCKET_TIMEOUT_S,  # a burst of calls waits for a connection instead of failing
        protocol=2,  # one shape of answers from every server
        max_connections=max_connections,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1),
    )
    client: RedisClient = redis.Redis.from_pool(pool)  # which closes the pool with the client
    return client
