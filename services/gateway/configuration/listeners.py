"""What is listened on: the one door, and a page for operators behind it."""

from __future__ import annotations

from collections.abc import Iterable

from services.gateway.configuration.access_log import access_log
from services.gateway.configuration.clusters import ADMIN
from services.gateway.configuration.filters import filters, router, struck_out_headers
from services.gateway.configuration.local_replies import local_reply_config
from services.gateway.configuration.secrets import SERVER
from services.gateway.configuration.values import (
    LISTENER,
    ROUTE_CONFIGURATION_NAME,
    Value,
    extension,
    resources,
    socket_address,
    watched_file,
)
from services.gateway.exposure import ExposedMethod
from services.gateway.shape import Address, Bounds, GatewayShape

DOOR = "door"
OPERATIONS = "operations"
DRAIN_S = 5
"""Seconds between telling a connection to send no more calls and refusing them."""


def listeners(shape: GatewayShape, methods: Iterable[ExposedMethod], version: str) -> Value:
    """Every listener."""
    found = [_door(shape, list(methods))]
    if shape.operations is not None:
        found.append(_operations(shape.operations))
    return resources(LISTENER, found, version)


def _door(shape: GatewayShape, methods: list[ExposedMethod]) -> Value:
    manager = extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=DOOR,
        codec_type="AUTO",
        rds={
            "config_source": watched_file(shape.folder, "routes.yaml"),
            "route_config_name": ROUTE_CONFIGURATION_NAME,
        },
        early_header_mutation_extensions=[struck_out_headers()],
        http_filters=filters(shape, methods),
        access_log=[access_log(shape.access_log)],
        local_reply_config=local_reply_config(shape.cell),
        **_who_is_asking(shape),
        **_strictness(shape.bounds),
        **_patience(),
    )
    return {
        "name": DOOR,
        "address": socket_address(shape.listen),
        "enable_reuse_port": shape.reuse_port,
        "per_connection_buffer_limit_bytes": 256 * 1024,
        "listener_filters": [
            extension(
                "envoy.filters.listener.tls_inspector",
                "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
            )
        ],
        "listener_filters_timeout": "5s",
        "filter_chains": [
            {"filters": [manager], "transport_socket": _tls(shape), "transport_socket_connect_timeout": "10s"}
        ],
    }


def _who_is_asking(shape: GatewayShape) -> Value:
    """Believe the connection's address, or so many proxies of our own in front; nobody's word."""
    return {
        "use_remote_address": True,
        "xff_num_trusted_hops": shape.trusted_hops,
        "skip_xff_append": True,
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "192.0.2.0", "prefix_len": 32}]},
        "generate_request_id": True,
        "always_set_request_id_in_response": True,
        "server_name": "pulsemesh",
    }


def _strictness(bounds: Bounds) -> Value:
    """What no client of ours sends is refused, and what floods is cut off."""
    return {
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "stream_error_on_invalid_http_message": {"value": True},
        "max_request_headers_kb": bounds.header_bytes // 1024,
        "common_http_protocol_options": {
            "max_headers_count": bounds.headers,
            "headers_with_underscores_action": "REJECT_REQUEST",
            "idle_timeout": "3600s",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": bounds.streams,
            "initial_stream_window_size": 256 * 1024,
            "initial_connection_window_size": 4 * 1024 * 1024,
            "max_outbound_frames": 10_000,
            "max_outbound_control_frames": 1_000,
            "max_consecutive_inbound_frames_with_empty_payload": 1,
            "max_inbound_priority_frames_per_stream": 100,
            "max_inbound_window_update_frames_per_data_frame_sent": 100,
            "connection_keepalive": {"interval": "30s", "timeout": "10s"},
        },
    }


def _patience() -> Value:
    return {
        "request_headers_timeout": "10s",
        "stream_idle_timeout": "300s",
        "delayed_close_timeout": "1s",
        "drain_timeout": f"{DRAIN_S}s",
    }


def _tls(shape: GatewayShape) -> Value:
    certificate = {"name": SERVER, "sds_config": watched_file(shape.folder, "secrets.yaml")}
    return extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context={
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_certificate_sds_secret_configs": [certificate],
        },
    )


def _operations(address: Address) -> Value:
    """`/ready` and `/stats/prometheus` of the admin page, which has far more and stays on loopback."""
    paths = ["/ready", "/stats/prometheus"]
    manager = extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=OPERATIONS,
        route_config={
            "name": OPERATIONS,
            "virtual_hosts": [
                {
                    "name": OPERATIONS,
                    "domains": ["*"],
                    "routes": [{"match": {"path": path}, "route": {"cluster": ADMIN}} for path in paths],
                }
            ],
        },
        http_filters=[router()],
    )
    return {
        "name": OPERATIONS,
        "address": socket_address(address),
        "ignore_global_conn_limit": True,
        "bypass_overload_manager": True,
        "filter_chains": [{"filters": [manager]}],
    }
