"""What every test may use: a real PostgreSQL and a real Valkey, started on first use."""

from __future__ import annotations

from tests.fixtures.grpc_server import grpc_addr, grpc_ports, grpc_server
from tests.fixtures.postgres import own_postgres, postgres_server_url, postgres_url
from tests.fixtures.valkey import own_valkey, redis_server_url, redis_url

__all__ = [
    "grpc_addr",
    "grpc_ports",
    "grpc_server",
    "own_postgres",
    "own_valkey",
    "postgres_server_url",
    "postgres_url",
    "redis_server_url",
    "redis_url",
]
