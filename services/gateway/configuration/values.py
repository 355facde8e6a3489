"""The forms in which Envoy writes durations, typed values and addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.gateway.shape import Address

Value = dict[str, Any]
"""A protobuf message of Envoy's in its JSON form."""

CLUSTER = "envoy.config.cluster.v3.Cluster"
LISTENER = "envoy.config.listener.v3.Listener"
ROUTES = "envoy.config.route.v3.RouteConfiguration"
SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret"

ROUTE_CONFIGURATION_NAME = "pulsemesh"

SUBJECT = "x-pulsemesh-user-id"
KIND = "x-pulsemesh-caller-kind"
SESSION = "x-pulsemesh-session-id"
CLIENT = "x-pulsemesh-client-id"
ISSUED_AT = "x-pulsemesh-issued-at"
IDENTITY_HEADERS = (SUBJECT, KIND, SESSION, CLIENT, ISSUED_AT)
"""Made of the claims of a proved token, and of nothing that a caller sends."""
ORIGINAL_PATH = "x-envoy-original-path"
"""Set where a REST call became a gRPC call."""

WRONG_CELL = 421
METHOD_UNKNOWN = 404
SESSION_ENDED = 440
"""The HTTP statuses by which `local_replies` knows what a route without a service means to say."""


def typed(type_name: str, **fields: Any) -> Value:
    """A `google.protobuf.Any`."""
    return {"@type": f"type.googleapis.com/{type_name}", **fields}


def extension(name: str, type_name: str, **fields: Any) -> Value:
    """A named extension with its configuration."""
    return {"name": name, "typed_config": typed(type_name, **fields)}


def seconds(value: float) -> str:
    """A duration as protobuf's JSON writes it: "5s", "0.250s"."""
    return f"{int(value)}s" if value == int(value) else f"{value:.3f}s"


def socket_address(address: Address) -> Value:
    """An address to listen on or to connect to."""
    return {"socket_address": {"address": address.host, "port_value": address.port}}


def watched_file(folder: str, name: str) -> Value:
    """A source of configuration that follows a file of `folder`, which is replaced whole."""
    return {
        "resource_api_version": "V3",
        "path_config_source": {"path": f"{folder}/{name}", "watched_directory": {"path": folder}},
    }


def resources(type_name: str, found: Iterable[Value], version: str) -> Value:
    """What a watched file holds."""
    return {"version_info": version, "resources": [typed(type_name, **one) for one in found]}
