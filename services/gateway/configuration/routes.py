"""Which call goes where, how long it may take, and whether it may be sent again."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from pulsemesh.policy.v1.policy_pb2 import Retry
from services.chassis.policy import MethodInfo
from services.gateway.configuration import limits
from services.gateway.configuration.clusters import AUTH_HTTP, cell_cluster
from services.gateway.configuration.values import (
    ISSUED_AT,
    KIND,
    ROUTE_CONFIGURATION_NAME,
    ROUTES,
    SESSION,
    SESSION_ENDED,
    SUBJECT,
    WRONG_CELL,
    Value,
    resources,
    seconds,
    typed,
)
from services.gateway.exposure import ExposedMethod
from services.gateway.shape import GatewayShape

JWT = "envoy.filters.http.jwt_authn"
RBAC = "envoy.filters.http.rbac"
CORS = "envoy.filters.http.cors"
BUFFER = "envoy.filters.http.buffer"

TOKEN_NEEDED = "token"
TOKEN_WELCOME = "token-or-none"

GRPC: Value = {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
"""gRPC, gRPC-Web, and REST calls once they are translated; anything else at a method's path is no call."""

NOBODY = "nobody"
"""A cluster that is never defined."""
SENT_BY_PAGES = (
    "authorization",
    "content-type",
    "grpc-timeout",
    "traceparent",
    "x-grpc-web",
    "x-request-id",
    "x-user-agent",
)
SERVICE_ANSWERS_FIRST_S = 1.0
"""The service ends a call at its deadline with an answer that says more: the gateway waits so much longer."""
HTTP_TIMEOUT_S = 30.0
PAGE_REQUEST_BYTES = 256 * 1024
NAMES_A_ROUTE = 500

NEVER_ARRIVED = ("connect-failure", "refused-stream")
"""Failures after which the call is known not to have reached any service: sent again whatever it does."""
OUTCOME_UNKNOWN = ("reset", "unavailable")


def route_configuration(shape: GatewayShape, methods: Iterable[ExposedMethod], version: str) -> Value:
    """The routes of the listener."""
    table: Value = {
        "name": ROUTE_CONFIGURATION_NAME,
        "virtual_hosts": [
            {
                "name": "pulsemesh",
                "domains": ["*"],
                "routes": [
                    *_refusals(shape),
                    *_other_cells(shape),
                    *_methods(shape, methods),
                    *_pages(shape),
                    _unknown(),
                ],
                "typed_per_filter_config": {CORS: _cors(shape.origins)},
                "include_request_attempt_count": False,
            }
        ],
        "validate_clusters": False,
        # One address, and a true one: what the caller wrote there itself is gone.
        "request_headers_to_add": [
            {
                "header": {"key": "x-forwarded-for", "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }
    return resources(ROUTES, [table], version)


def _no_token() -> Value:
    return {JWT: typed("envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", disabled=True)}


def _answer(match: Value, status: int) -> Value:
    """A route that the gateway answers itself; `local_replies` gives the status its words."""
    return {"match": match, "direct_response": {"status": status}, "typed_per_filter_config": _no_token()}


def _refusals(shape: GatewayShape) -> Iterator[Value]:
    """Ended sessions, and tokens of people from before a moment.

    The headers are there only once the token is proved, when routes are looked up again.
    """
    for sessions in _patterns(sorted(shape.denied_sessions)):
        header = {"name": SESSION, "string_match": sessions}
        yield _answer({"prefix": "/", "headers": [header]}, SESSION_ENDED)
    moments: defaultdict[int, list[str]] = defaultdict(list)
    for user_id, issued_before_s in shape.denied_people.items():
        moments[issued_before_s].append(user_id)
    # Moments are whole seconds of the life of a token: there are hundreds of them, however many people.
    for issued_before_s, user_ids in sorted(moments.items()):
        too_old = {"name": ISSUED_AT, "range_match": {"start": 0, "end": issued_before_s}}
        for people in _patterns(sorted(user_ids)):
            yield _answer({"prefix": "/", "headers": [too_old, _subject(people)]}, SESSION_ENDED)


def _patterns(names: Sequence[str]) -> Iterator[Value]:
    """What fits any of the names; of several, because a pattern may not be of any size."""
    for first in range(0, len(names), NAMES_A_ROUTE):
        pattern = "|".join(re.escape(name) for name in names[first : first + NAMES_A_ROUTE])
        yield {"safe_regex": {"regex": pattern}}


def _other_cells(shape: GatewayShape) -> Iterator[Value]:
    """People of other cells go to their cell's gateway, whose limits and checks apply to them."""
    for cell in sorted(shape.cells):
        yield {
            "match": {"prefix": "/pulsemesh.", "headers": [_subject({"prefix": f"{cell}_"})]},
            "route": {"cluster": cell_cluster(cell), "timeout": "0s", "idle_timeout": "0s"},
            "typed_per_filter_config": {JWT: _requirement(TOKEN_WELCOME)},
        }
    someone = _subject({"safe_regex": {"regex": "[a-z][a-z0-9]{0,15}_.+"}})
    not_ours = _subject({"prefix": f"{shape.cell}_"}) | {"invert_match": True}
    yield _answer({"prefix": "/pulsemesh.", "headers": [someone, not_ours]}, WRONG_CELL)


def _subject(match: Value) -> Value:
    return {"name": SUBJECT, "string_match": match}


def _methods(shape: GatewayShape, methods: Iterable[ExposedMethod]) -> Iterator[Value]:
    for exposed in methods:
        if exposed.method.domain in shape.services:
            yield _method(shape, exposed)


def _method(shape: GatewayShape, exposed: ExposedMethod) -> Value:
    method = exposed.method
    policy = method.policy
    assert policy is not None
    action: Value = {"cluster": method.domain, **_times(method)}
    retries = _retries(method)
    if retries:
        action["retry_policy"] = retries
    filters: Value = _token(exposed)
    if policy.rate_limit is not None:
        stat = method.path.strip("/").replace(".", "_").replace("/", "_")
        filters[limits.FILTER] = limits.local_limit(policy.rate_limit, stat, shape.bounds)
        shared = limits.shared_limit(policy.rate_limit, method.path) if shape.limits is not None else []
        if shared:
            action["rate_limits"] = shared
    match = {"path": method.path, "headers": [GRPC]}
    return {"match": match, "route": action, "typed_per_filter_config": filters}


def _times(method: MethodInfo) -> Value:
    assert method.policy is not None
    deadline_s = method.policy.deadline_s
    if deadline_s is None:
        return {"timeout": "0s", "idle_timeout": "0s"}
    limit = seconds(deadline_s + SERVICE_ANSWERS_FIRST_S)
    return {"timeout": limit, "idle_timeout": limit}


def _retries(method: MethodInfo) -> Value:
    """Nothing is sent twice whose client sends a stream: it knows better from where to go on."""
    assert method.policy is not None
    if method.client_streaming:
        return {}
    safe = method.policy.retry == Retry.RETRY_SAFE
    return {
        "retry_on": ",".join((*NEVER_ARRIVED, *(OUTCOME_UNKNOWN if safe else ()))),
        "num_retries": 2,
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": typed("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
            }
        ],
        "host_selection_retry_max_attempts": 5,
        "retry_back_off": {"base_interval": "0.050s", "max_interval": "0.500s"},
    }


def _requirement(name: str) -> Value:
    return typed("envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", requirement_name=name)


def _token(exposed: ExposedMethod) -> Value:
    if not exposed.reads_tokens:
        return _no_token()
    filters: Value = {JWT: _requirement(TOKEN_WELCOME if exposed.public else TOKEN_NEEDED)}
    if exposed.kinds:
        filters[RBAC] = _only(exposed.kinds)
    return filters


def _only(kinds: tuple[str, ...]) -> Value:
    principals = [{"header": {"name": KIND, "string_match": {"exact": kind}}} for kind in kinds]
    policy = {"permissions": [{"any": True}], "principals": principals}
    return typed(
        "envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
        rbac={"rules": {"action": "ALLOW", "policies": {"callers": policy}}},
    )


def _pages(shape: GatewayShape) -> Iterator[Value]:
    """The pages and documents of sign-in: plain HTTP, of the auth service."""
    if shape.auth_http is None:
        return
    for prefix in ("/.well-known/", "/oauth/"):
        yield {
            "match": {"prefix": prefix},
            "route": {"cluster": AUTH_HTTP, "timeout": seconds(HTTP_TIMEOUT_S)},
            "typed_per_filter_config": {
                **_no_token(),
                limits.FILTER: limits.http_limit(shape.bounds),
                BUFFER: typed(
                    "envoy.extensions.filters.http.buffer.v3.BufferPerRoute",
                    buffer={"max_request_bytes": PAGE_REQUEST_BYTES},
                ),
            },
        }


def _unknown() -> Value:
    """What no route fits: a cluster that does not exist, and therefore METHOD_UNKNOWN.

    Not an answer of the route's own: REST calls fit here first, until they are translated, and the CORS
    filter looks only at routes that lead to a cluster.
    """
    return {
        "match": {"prefix": "/"},
        "route": {"cluster": NOBODY, "cluster_not_found_response_code": "NOT_FOUND"},
        "typed_per_filter_config": _no_token(),
    }


def _cors(origins: tuple[str, ...]) -> Value:
    return typed(
        "envoy.extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[{"exact": origin} for origin in origins],
        allow_methods="GET, POST, PATCH, DELETE, OPTIONS",
        allow_headers=", ".join(SENT_BY_PAGES),
        expose_headers="grpc-status, grpc-message, grpc-status-details-bin, x-request-id",
        max_age="7200",
    )
