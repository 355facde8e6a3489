"""The filters that every call passes, in the one order that is safe.

REST becomes gRPC before anything decides: whatever checks a call sees the method's own path. The headers that
say who calls are struck out before the first route is looked up, and set from a proved token only.
"""

from __future__ import annotations

from services.gateway.configuration import limits
from services.gateway.configuration.clusters import LIMITS, cell_cluster, keys_cluster
from services.gateway.configuration.descriptors import transcoded_services
from services.gateway.configuration.routes import (
    BUFFER,
    CORS,
    JWT,
    PAGE_REQUEST_BYTES,
    RBAC,
    TOKEN_NEEDED,
    TOKEN_WELCOME,
)
from services.gateway.configuration.values import (
    CLIENT,
    IDENTITY_HEADERS,
    ISSUED_AT,
    KIND,
    ORIGINAL_PATH,
    SESSION,
    SUBJECT,
    Value,
    extension,
)
from services.gateway.exposure import ExposedMethod
from services.gateway.shape import GatewayShape, KeySetAddress, KeySetFile

AUDIENCE = "pulsemesh"
ON_BEHALF_OF = "pulsemesh-on-behalf-of"
STRUCK_OUT = (*IDENTITY_HEADERS, ON_BEHALF_OF, ORIGINAL_PATH)
DESCRIPTORS = "contracts.binpb"


def filters(shape: GatewayShape, methods: list[ExposedMethod]) -> list[Value]:
    """The HTTP filters in their order."""
    chain = [
        extension(CORS, "envoy.extensions.filters.http.cors.v3.Cors"),
        extension("envoy.filters.http.grpc_web", "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"),
        *_transcoder(shape, methods),
        _buffer(),
        _proof(shape),
        extension(RBAC, "envoy.extensions.filters.http.rbac.v3.RBAC"),
        extension(limits.FILTER, limits.TYPE, stat_prefix="gateway"),
        extension(
            "envoy.filters.http.grpc_stats",
            "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
            emit_filter_state=False,
            stats_for_all_methods=True,
            enable_upstream_stats=True,
            replace_dots_in_grpc_service_name=True,
        ),
    ]
    if shape.limits is not None:
        chain.append(_shared_limits())
    return [*chain, router()]


def struck_out_headers() -> Value:
    """Before any route is chosen: nobody says of himself who he is."""
    return extension(
        "envoy.http.early_header_mutation.header_mutation",
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=[{"remove": name} for name in STRUCK_OUT],
    )


def _transcoder(shape: GatewayShape, methods: list[ExposedMethod]) -> list[Value]:
    services = transcoded_services(methods)
    if not services:
        return []
    return [
        extension(
            "envoy.filters.http.grpc_json_transcoder",
            "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
            proto_descriptor=f"{shape.folder}/{DESCRIPTORS}",
            services=services,
            auto_mapping=False,
            convert_grpc_status=True,
            print_options={"stream_newline_delimited": False},
            request_validation_options={"reject_unknown_query_parameters": True},
            max_request_body_size=shape.bounds.transcoded_bytes,
        )
    ]


def _buffer() -> Value:
    """Holds back nothing by itself: it bounds the requests of the routes that say so."""
    return extension(
        BUFFER, "envoy.extensions.filters.http.buffer.v3.Buffer", max_request_bytes=PAGE_REQUEST_BYTES
    ) | {"disabled": True}


def _proof(shape: GatewayShape) -> Value:
    providers = {
        f"own-{number}": _provider(shape.issuer, shape.leeway_s, _key_source(keys, number))
        for number, keys in enumerate(shape.keys)
    }
    for cell in sorted(shape.cells):
        source = _remote(f"https://{shape.cells[cell].host}/.well-known/jwks.json", cell_cluster(cell))
        providers[f"cell-{cell}"] = _provider(f"pulsemesh-{cell}", shape.leeway_s, source)
    needed = [{"provider_name": name} for name in providers]
    return extension(
        JWT,
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers=providers,
        requirement_map={
            TOKEN_NEEDED: needed[0] if len(needed) == 1 else {"requires_any": {"requirements": needed}},
            TOKEN_WELCOME: {"requires_any": {"requirements": [*needed, {"allow_missing": {}}]}},
        },
    )


def _provider(issuer: str, leeway_s: int, source: Value) -> Value:
    return {
        "issuer": issuer,
        "audiences": [AUDIENCE],
        "forward": True,
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "claim_to_headers": [
            {"header_name": SUBJECT, "claim_name": "sub"},
            {"header_name": KIND, "claim_name": "kind"},
            {"header_name": SESSION, "claim_name": "sid"},
            {"header_name": CLIENT, "claim_name": "client_id"},
            {"header_name": ISSUED_AT, "claim_name": "iat"},
        ],
        "clear_route_cache": True,
        "clock_skew_seconds": leeway_s,
        "require_expiration": True,
        "jwt_cache_config": {"jwt_cache_size": 10_000},
        **source,
    }


def _key_source(keys: KeySetFile | KeySetAddress, number: int) -> Value:
    if isinstance(keys, KeySetFile):
        return {"local_jwks": {"filename": keys.path}}
    scheme = "https" if keys.encrypted else "http"
    return _remote(f"{scheme}://{keys.host or keys.address}{keys.path}", keys_cluster(number))


def _remote(uri: str, cluster: str) -> Value:
    """Fetched ahead and again every minute: a key that is about to sign has long been published."""
    return {
        "remote_jwks": {
            "http_uri": {"uri": uri, "cluster": cluster, "timeout": "5s"},
            "cache_duration": "60s",
            "async_fetch": {"fast_listener": False, "failed_refetch_duration": "1s"},
            "retry_policy": {"num_retries": 3},
        }
    }


def _shared_limits() -> Value:
    """Fails open here: the services count once more, and close where their policy says so."""
    return extension(
        "envoy.filters.http.ratelimit",
        "envoy.extensions.filters.http.ratelimit.v3.RateLimit",
        domain=limits.DOMAIN,
        timeout="0.250s",
        failure_mode_deny=False,
        rate_limited_as_resource_exhausted=True,
        disable_x_envoy_ratelimited_header=True,
        rate_limit_service={
            "transport_api_version": "V3",
            "grpc_service": {"envoy_grpc": {"cluster_name": LIMITS}, "timeout": "0.250s"},
        },
    )


def router() -> Value:
    """The last filter: on to the service."""
    return extension(
        "envoy.filters.http.router",
        "envoy.extensions.filters.http.router.v3.Router",
        suppress_envoy_headers=True,
    )
