"""What Envoy reads once, when it starts: who it is, where everything else is, how much it may take."""

from __future__ import annotations

from services.gateway.configuration.values import Value, extension, socket_address, watched_file
from services.gateway.shape import GatewayShape


def bootstrap(shape: GatewayShape) -> Value:
    """The file that Envoy is started with."""
    # Ended sessions are one pattern of many alternatives.
    pattern_size = {"re2": {"max_program_size": {"error_level": 100_000}}}
    return {
        "node": {"id": f"gateway-{shape.cell}", "cluster": "pulsemesh-gateway"},
        "admin": {"address": socket_address(shape.admin)},
        "dynamic_resources": {
            "lds_config": watched_file(shape.folder, "listeners.yaml"),
            "cds_config": watched_file(shape.folder, "clusters.yaml"),
        },
        "layered_runtime": {"layers": [{"name": "fixed", "static_layer": pattern_size}]},
        "overload_manager": {
            "resource_monitors": [
                extension(
                    "envoy.resource_monitors.global_downstream_max_connections",
                    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    max_active_downstream_connections=shape.bounds.connections,
                )
            ]
        },
    }
