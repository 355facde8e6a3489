"""Use cases that gRPC calls are served by, called for a request of HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# Fills the registry with the method under which our requests go.
from pulsemesh.auth.v1 import session_service_pb2
from services.chassis.call import Call, bind_call
from services.chassis.policy import default_registry

_METHOD = f"/{session_service_pb2.DESCRIPTOR.services_by_name['SessionService'].full_name}/SignIn"


@contextmanager
def call_from(peer: str) -> Iterator[None]:
    """Let use cases see who calls.

    Args:
        peer: the caller's address as gRPC writes it.
    """
    with bind_call(Call(default_registry().method(_METHOD), peer=peer)):
        yield


def peer_of(client: tuple[str, int] | None) -> str:
    """A caller's address as gRPC writes it."""
    if client is None:
        return "unknown:"
    host, port = client
    return f"ipv6:%5B{host}%5D:{port}" if ":" in host else f"ipv4:{host}:{port}"
