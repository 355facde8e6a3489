"""The options of the gRPC core, by what they are for."""

from __future__ import annotations

from services.chassis.settings import ServerSettings

ChannelOptions = list[tuple[str, int | str]]


def server_options(settings: ServerSettings, *, reuse_port: bool) -> ChannelOptions:
    """
    Args:
        reuse_port: several processes of ours share the port.
    """
    return [
        ("grpc.so_reuseport", int(reuse_port)),
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.server.max_pending_requests", settings.max_pending_requests),
        ("grpc.server.max_pending_requests_hard_limit", 2 * settings.max_pending_requests),
        ("grpc.keepalive_time_ms", int(settings.keepalive_interval_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(settings.keepalive_timeout_s * 1000)),
        # The core's measuring pings hold up those of keepalive, and would otherwise be waited for a minute.
        ("grpc.http2.ping_timeout_ms", int(settings.keepalive_timeout_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", int(settings.minimum_ping_interval_s * 1000)),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", int(settings.minimum_ping_interval_s * 1000)),
    ]
