"""Everybody who might call: each makes the metadata of one call, and says what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.chassis.policy import MethodInfo
from tests.security.expectations import DEVICE, PUBLIC, SERVICE, STAFF, USER, Caller
from tests.security.tokens import TokenMint, user_id

Metadata = list[tuple[str, str | bytes]]
ALL_ROLES = frozenset(
    {"content_editor", "moderator", "operator", "privacy_officer", "security_admin", "support"}
)
_DENIED = "ACCESS_DENIED"
ENDED_SESSION = "01J0000000000000000000END0"
ON_BEHALF_OF = "pulsemesh-on-behalf-of"


@dataclass(frozen=True)
class Calling:
    """One caller at one method."""

    metadata: Metadata
    caller: Caller


Make = Callable[[TokenMint, MethodInfo], Calling]
CALLERS: dict[str, Make] = {}


def _caller(make: Make) -> Make:
    CALLERS[make.__name__.replace("_", " ")] = make
    return make


def bearer(token: str) -> Metadata:
    """The metadata of a token."""
    return [("authorization", f"Bearer {token}")]


def all_scopes(mint: TokenMint, method: MethodInfo) -> frozenset[str]:
    """What the method asks for, and something else."""
    assert method.policy is not None
    return method.policy.scopes | {"something.else"}


def person(method: MethodInfo, cell: str = "eu") -> str:
    """Another person at each method: what one call does to them is nothing to the next."""
    return user_id(method.path, cell)


def _claims(mint: TokenMint, method: MethodInfo, kind: str = "user", **more: Any) -> dict[str, Any]:
    return mint.claims(person(method), kind, all_scopes(mint, method), **more)


def _bad(token: str, reason: str = "CREDENTIALS_INVALID", at_the_door: str = "") -> Calling:
    return Calling(bearer(token), Caller(USER, fault=reason, at_the_door=at_the_door))


@_caller
def nobody(mint: TokenMint, method: MethodInfo) -> Calling:
    return Calling([], Caller(PUBLIC))


@_caller
def a_person(mint: TokenMint, method: MethodInfo) -> Calling:
    scopes = all_scopes(mint, method)
    return Calling(bearer(mint.signed(_claims(mint, method))), Caller(USER, scopes=scopes))


@_caller
def a_person_without_any_scope(mint: TokenMint, method: MethodInfo) -> Calling:
    return Calling(bearer(mint.signed(_claims(mint, method, scope=""))), Caller(USER))


@_caller
def an_app_that_lacks_one_scope(mint: TokenMint, method: MethodInfo) -> Calling:
    assert method.policy is not None
    kept = set(sorted(method.policy.scopes)[1:]) | {"ingest.more", "workout", "account.read"}
    claims = _claims(mint, method, scope=" ".join(kept), client_id="third-party")
    return Calling(bearer(mint.signed(claims)), Caller(USER).with_scopes(*kept))


@_caller
def a_device(mint: TokenMint, method: MethodInfo) -> Calling:
    scopes = frozenset({"ingest", "workout.read"})
    claims = _claims(mint, method, "device", scope=" ".join(scopes))
    return Calling(bearer(mint.signed(claims)), Caller(DEVICE, scopes=scopes))


@_caller
def a_device_with_every_scope(mint: TokenMint, method: MethodInfo) -> Calling:
    claims = _claims(mint, method, "device")
    return Calling(bearer(mint.signed(claims)), Caller(DEVICE, scopes=all_scopes(mint, method)))


@_caller
def a_person_of_another_cell(mint: TokenMint, method: MethodInfo) -> Calling:
    claims = _claims(mint, method, sub=person(method, "us"))
    return Calling(bearer(mint.signed(claims)), Caller(USER, scopes=all_scopes(mint, method), cell="us"))


@_caller
def a_person_whose_id_only_begins_like_ours(mint: TokenMint, method: MethodInfo) -> Calling:
    claims = _claims(mint, method, sub=person(method, "eux"))
    return Calling(bearer(mint.signed(claims)), Caller(USER, scopes=all_scopes(mint, method), cell="eux"))


@_caller
def an_expired_token(mint: TokenMint, method: MethodInfo) -> Calling:
    return _bad(mint.signed(_claims(mint, method, exp=1_700_000_000)), "CREDENTIALS_EXPIRED")


@_caller
def a_token_of_the_future(mint: TokenMint, method: MethodInfo) -> Calling:
    return _bad(mint.signed(_claims(mint, method, nbf=4_000_000_000)))


@_caller
def a_token_without_expiry(mint: TokenMint, method: MethodInfo) -> Calling:
    return _bad(mint.signed(_claims(mint, method, exp=None)))


@_caller
def a_token_of_a_wrong_key(mint: TokenMint, method: MethodInfo) -> Calling:
    return _bad(mint.forged(_claims(mint, method)))


@_caller
def a_token_of_an_unknown_key(mint: TokenMint, method: MethodInfo) -> Calling:
    return _bad(mint.forged(_claims(mint, method), kid="../../etc/passwd' OR 1=1 --"))


@_caller
def an_unsigned_token(mint: TokenMint, method: MethodInfo) -> Calling:
    return _bad(mint.unsigned(_claims(mint, method)))


@_caller
def a_token_signed_with_the_public_key(mint: TokenMint, method: MethodInfo) -> Calling:
    return _bad(mint.signed_with_the_public_key(_claims(mint, method)))


@_caller
def a_token_altered_to_staff(mint: TokenMint, method: MethodInfo) -> Calling:
    claims = _claims(mint, method)
    return _bad(mint.altered(claims, {**claims, "kind": "staff", "roles": sorted(ALL_ROLES)}))


@_caller
def a_token_for_another_audience(mint: TokenMint, method: MethodInfo) -> Calling:
    return _bad(mint.signed(_claims(mint, method, aud="somebody-else")), at_the_door="ACCESS_DENIED")


@_caller
def a_token_of_another_issuer(mint: TokenMint, method: MethodInfo) -> Calling:
    return _bad(mint.signed(_claims(mint, method, iss="pulsemesh-us")))


@_caller
def a_token_of_an_unknown_kind(mint: TokenMint, method: MethodInfo) -> Calling:
    return _bad(mint.signed(_claims(mint, method, "root")), at_the_door="UNKNOWN_KIND")


@_caller
def a_token_of_an_ended_session(mint: TokenMint, method: MethodInfo) -> Calling:
    return _bad(mint.signed(_claims(mint, method, sid=ENDED_SESSION)), "SESSION_ENDED")


@_caller
def basic_credentials(mint: TokenMint, method: MethodInfo) -> Calling:
    return Calling([("authorization", "Basic YTpi")], _NO_BEARER)


@_caller
def the_word_of_calls_within_a_process(mint: TokenMint, method: MethodInfo) -> Calling:
    return Calling([("authorization", "in-process")], _NO_BEARER)


@_caller
def a_person_who_names_another_in_a_header(mint: TokenMint, method: MethodInfo) -> Calling:
    metadata = bearer(mint.signed(_claims(mint, method)))
    spoofed = [(ON_BEHALF_OF, user_id("victim")), ("x-pulsemesh-user-id", user_id("victim"))]
    return Calling([*metadata, *spoofed], Caller(USER, scopes=all_scopes(mint, method), named=True))


_NO_BEARER = Caller(USER, fault="CREDENTIALS_INVALID", at_the_door="CREDENTIALS_MISSING")


def _service(mint: TokenMint, method: MethodInfo, **more: Any) -> dict[str, Any]:
    return mint.claims("service:profile", "service", all_scopes(mint, method), **more)


@_caller
def a_service(mint: TokenMint, method: MethodInfo) -> Calling:
    scopes = all_scopes(mint, method)
    return Calling(bearer(mint.signed(_service(mint, method))), Caller(SERVICE, scopes=scopes, cell=""))


@_caller
def a_service_without_any_scope(mint: TokenMint, method: MethodInfo) -> Calling:
    return Calling(bearer(mint.signed(_service(mint, method, scope=""))), Caller(SERVICE, cell=""))


@_caller
def a_service_that_names_a_person_in_a_header(mint: TokenMint, method: MethodInfo) -> Calling:
    metadata = [*bearer(mint.signed(_service(mint, method))), (ON_BEHALF_OF, person(method))]
    return Calling(metadata, Caller(SERVICE, scopes=all_scopes(mint, method), named=True))


def _acting(mint: TokenMint, method: MethodInfo, **more: Any) -> dict[str, Any]:
    narrowed = {"aud": f"pulsemesh:{method.domain}", "act": {"sub": "service:profile"}}
    return _claims(mint, method, "service") | narrowed | more


@_caller
def a_service_with_a_token_for_a_person(mint: TokenMint, method: MethodInfo) -> Calling:
    caller = Caller(SERVICE, scopes=all_scopes(mint, method), domain=method.domain, at_the_door=_DENIED)
    return Calling(bearer(mint.signed(_acting(mint, method))), caller)


@_caller
def a_service_with_a_token_for_another_domain(mint: TokenMint, method: MethodInfo) -> Calling:
    caller = Caller(SERVICE, scopes=all_scopes(mint, method), domain="elsewhere", at_the_door=_DENIED)
    return Calling(bearer(mint.signed(_acting(mint, method, aud="pulsemesh:elsewhere"))), caller)


@_caller
def a_service_with_a_token_without_the_scope(mint: TokenMint, method: MethodInfo) -> Calling:
    return Calling(
        bearer(mint.signed(_acting(mint, method, scope=""))),
        Caller(SERVICE, domain=method.domain, at_the_door=_DENIED),
    )


@_caller
def a_service_with_a_token_for_a_person_of_another_cell(mint: TokenMint, method: MethodInfo) -> Calling:
    claims = _acting(mint, method, sub=person(method, "us"))
    caller = Caller(
        SERVICE, scopes=all_scopes(mint, method), domain=method.domain, cell="us", at_the_door=_DENIED
    )
    return Calling(bearer(mint.signed(claims)), caller)


@_caller
def a_person_with_a_token_as_if_of_a_service(mint: TokenMint, method: MethodInfo) -> Calling:
    return _bad(mint.signed(_acting(mint, method, kind="user")), at_the_door="ACCESS_DENIED")


@_caller
def staff_without_a_role(mint: TokenMint, method: MethodInfo) -> Calling:
    caller = Caller(STAFF, scopes=all_scopes(mint, method))
    return Calling(bearer(mint.signed(_claims(mint, method, "staff", roles=[]))), caller)


@_caller
def staff_of_another_role(mint: TokenMint, method: MethodInfo) -> Calling:
    assert method.policy is not None
    roles = frozenset({"gardener"}) | (ALL_ROLES - method.policy.staff_roles)
    caller = Caller(STAFF, scopes=all_scopes(mint, method), roles=roles)
    return Calling(bearer(mint.signed(_claims(mint, method, "staff", roles=sorted(roles)))), caller)


@_caller
def staff_with_every_role(mint: TokenMint, method: MethodInfo) -> Calling:
    caller = Caller(STAFF, scopes=all_scopes(mint, method), roles=ALL_ROLES)
    return Calling(bearer(mint.signed(_claims(mint, method, "staff", roles=sorted(ALL_ROLES)))), caller)


@_caller
def a_person_who_claims_roles(mint: TokenMint, method: MethodInfo) -> Calling:
    caller = Caller(USER, scopes=all_scopes(mint, method), roles=ALL_ROLES)
    return Calling(bearer(mint.signed(_claims(mint, method, roles=sorted(ALL_ROLES)))), caller)
