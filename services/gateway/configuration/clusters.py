"""Where calls go: one cluster for each domain, and one for everything else the gateway talks to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from services.gateway.configuration.values import CLUSTER, Value, extension, resources, socket_address, typed
from services.gateway.shape import SYSTEM_AUTHORITIES, Address, GatewayShape, KeySetAddress, UpstreamTls

AUTH_HTTP = "auth-http"
LIMITS = "limits"
ADMIN = "admin"

CONNECT_TIMEOUT = "2s"
CONCURRENT_CALLS = 100_000
"""A stream is a call; the number is there to stop a flood, not to shape traffic."""


def cell_cluster(cell: str) -> str:
    """The cluster of another cell's gateway."""
    return f"cell-{cell}"


def keys_cluster(number: int) -> str:
    """The cluster of a key set, by its place in the shape."""
    return f"keys-{number}"


def clusters(shape: GatewayShape, version: str) -> Value:
    """Every cluster."""
    return resources(CLUSTER, _all(shape), version)


def _all(shape: GatewayShape) -> Iterator[Value]:
    for domain in sorted(shape.services):
        yield _service(domain, shape.services[domain], shape.upstream_tls)
    if shape.auth_http is not None:
        yield _plain(AUTH_HTTP, shape.auth_http)
    for number, keys in enumerate(shape.keys):
        if isinstance(keys, KeySetAddress):
            yield _keys(keys_cluster(number), keys)
    if shape.limits is not None:
        yield {**_plain(LIMITS, shape.limits), "typed_extension_protocol_options": _http2()}
    if shape.operations is not None:
        yield _plain(ADMIN, shape.admin)
    for cell in sorted(shape.cells):
        yield _other_cell(cell, shape.cells[cell], shape.cells_authority)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _plain(name: str, address: Address) -> Value:
    """A cluster of one address, or of all that a name stands for."""
    dns: Value = {"dns_lookup_family": "V4_PREFERRED", "dns_refresh_rate": "5s"}
    if _is_number(address.host):
        dns = {}
    return {
        "name": name,
        "type": "STRICT_DNS" if dns else "STATIC",
        **dns,
        "connect_timeout": CONNECT_TIMEOUT,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket_address(address)}}]}],
        },
    }


def _http2() -> Value:
    options = {
        "connection_keepalive": {"interval": "30s", "timeout": "10s"},
        "max_concurrent_streams": 100_000,
    }
    return {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            explicit_http_config={"http2_protocol_options": options},
        )
    }


def _service(domain: str, address: Address, tls: UpstreamTls | None) -> Value:
    cluster = _plain(domain, address) | {
        "lb_policy": "LEAST_REQUEST",
        "typed_extension_protocol_options": _http2(),
        # Who fails the health check gets nothing, even when nobody is left: a typed answer at once.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "ignore_health_on_host_removal": True,
        "health_checks": [_health_check()],
        "outlier_detection": _outlier_detection(),
        "circuit_breakers": _circuit_breakers(),
    }
    return cluster if tls is None else cluster | {"transport_socket": _tls(tls, address.host)}


def _health_check() -> Value:
    return {
        "timeout": "2s",
        "interval": "2s",
        "no_traffic_interval": "2s",
        "unhealthy_interval": "1s",
        "no_traffic_healthy_interval": "2s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "initial_jitter": "0.100s",
        "grpc_health_check": {},
    }


def _outlier_detection() -> Value:
    """Only what says that an instance is away ejects it: a caller's mistake must not."""
    return {
        "consecutive_gateway_failure": 10,
        "enforcing_consecutive_gateway_failure": 100,
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 5,
        "enforcing_consecutive_5xx": 0,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "interval": "2s",
        "base_ejection_time": "5s",
        "max_ejection_percent": 50,
    }


def _circuit_breakers() -> Value:
    return {
        "thresholds": [
            {
                "max_connections": 4_096,
                "max_pending_requests": 10_000,
                "max_requests": CONCURRENT_CALLS,
                "retry_budget": {"budget_percent": {"value": 20}, "min_retry_concurrency": 10},
                "track_remaining": True,
            }
        ]
    }


def _tls(tls: UpstreamTls, name: str) -> Value:
    context: dict[str, Any] = {
        "validation_context": {"trusted_ca": {"filename": tls.authority}},
        "alpn_protocols": ["h2"],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
    }
    if tls.certificate:
        context["tls_certificates"] = [
            {"certificate_chain": {"filename": tls.certificate}, "private_key": {"filename": tls.key}}
        ]
    names: Value = {"auto_sni_san_validation": True, "sni": name}
    if _is_number(name):
        names = {}
        context["validation_context"]["match_typed_subject_alt_names"] = [
            {"san_type": "IP_ADDRESS", "matcher": {"exact": name}}
        ]
    return extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        **names,
        common_tls_context=context,
    )


def _keys(name: str, keys: KeySetAddress) -> Value:
    cluster = _plain(name, keys.address)
    if not keys.encrypted:
        return cluster
    authority = UpstreamTls(SYSTEM_AUTHORITIES)
    socket = _tls(authority, keys.host or keys.address.host)
    del socket["typed_config"]["common_tls_context"]["alpn_protocols"]
    return cluster | {"transport_socket": socket}


def _other_cell(cell: str, address: Address, authority: str) -> Value:
    return _plain(cell_cluster(cell), address) | {
        "typed_extension_protocol_options": _http2(),
        "circuit_breakers": _circuit_breakers(),
        "transport_socket": _tls(UpstreamTls(authority=authority), address.host),
    }
