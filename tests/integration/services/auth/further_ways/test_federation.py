"""Signing in with outside providers: honest ones, and what attackers try with dishonest ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from pulsemesh.auth.v1 import federation_service_pb2 as wire
from pulsemesh.auth.v1 import session_pb2
from services.auth.store import accounts
from services.auth.tables import accounts as account_table
from services.auth.tables import provider_attempts, provider_links
from tests.integration.services.auth.conftest import EMAIL, PASSWORD, Rig, bearer, refused
from tests.integration.services.auth.further_ways.conftest import BY_PASSWORD, Ways, claims_of, rig_over
from tests.integration.services.auth.further_ways.provider import (
    CLIENT_SECRET,
    LoopbackProvider,
    running,
    settings_json,
)

OVER = (grpc.StatusCode.UNAUTHENTICATED, "SIGN_IN_ATTEMPT_OVER")
REFUSED = (grpc.StatusCode.UNAUTHENTICATED, "PROVIDER_REFUSED")
TO_LINK = (grpc.StatusCode.FAILED_PRECONDITION, "SIGN_IN_TO_LINK")
NOT_PROVED = (grpc.StatusCode.FAILED_PRECONDITION, "ADDRESS_NOT_PROVED")
PROVED: dict[str, Any] = {"email": EMAIL, "email_verified": True}


def redirect_uri(provider: str = "good") -> str:
    return f"https://app.example.org/back/{provider}"


@dataclass
class World:
    """The domain and two providers that it knows."""

    rig: Rig
    good: LoopbackProvider
    other: LoopbackProvider
    ways: Ways = field(init=False)

    def __post_init__(self) -> None:
        self.ways = Ways(self.rig)
        self.stub = self.ways.federation

    async def start(self, provider: str = "good") -> wire.StartSignInResponse:
        request = wire.StartSignInRequest(provider=provider, redirect_uri=redirect_uri(provider))
        return await self.stub.StartSignIn(request)  # type: ignore[no-any-return]

    async def finish(self, attempt: str, answer: dict[str, str]) -> wire.FinishSignInResponse:
        request = wire.FinishSignInRequest(attempt=attempt, answer=wire.ProviderAnswer(**answer))
        return await self.stub.FinishSignIn(request)  # type: ignore[no-any-return]

    async def come(self, **claims: Any) -> wire.FinishSignInResponse:
        """From start to finish with the good provider."""
        started = await self.start()
        return await self.finish(started.attempt, self.good.authorize(started.authorization_url, **claims))

    async def sign_up(self, **claims: Any) -> session_pb2.Tokens:
        """An account by the good provider."""
        offered = (await self.come(**(PROVED | claims))).sign_up
        request = wire.SignUpWithProviderRequest(
            sign_up=offered.sign_up, at_least_years=18, country="DE", language="en"
        )
        return (await self.stub.SignUpWithProvider(request)).tokens  # type: ignore[no-any-return]

    async def start_link(self, tokens: session_pb2.Tokens) -> wire.StartLinkResponse:
        request = wire.StartLinkRequest(provider="good", redirect_uri=redirect_uri(), proof=BY_PASSWORD)
        return await self.stub.StartLink(request, metadata=bearer(tokens))  # type: ignore[no-any-return]

    async def finish_link(
        self, tokens: session_pb2.Tokens, attempt: str, answer: dict[str, str]
    ) -> wire.LinkProviderResponse:
        request = wire.LinkProviderRequest(attempt=attempt, answer=wire.ProviderAnswer(**answer))
        return await self.stub.LinkProvider(request, metadata=bearer(tokens))  # type: ignore[no-any-return]

    async def link(self, tokens: session_pb2.Tokens, **claims: Any) -> wire.LinkProviderResponse:
        started = await self.start_link(tokens)
        answer = self.good.authorize(started.authorization_url, **claims)
        return await self.finish_link(tokens, started.attempt, answer)


@pytest.fixture
async def world(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    secret = tmp_path / "secret"
    secret.write_text(CLIENT_SECRET + "\n")
    async with running(LoopbackProvider()) as good, running(LoopbackProvider()) as other:
        listed = settings_json(("good", good.issuer), ("other", other.issuer), secret_file=str(secret))
        monkeypatch.setenv("PULSEMESH_SIGN_IN_PROVIDERS", listed)
        monkeypatch.setenv(
            "PULSEMESH_SIGN_IN_PROVIDER_REDIRECT_URIS", '["https://app.example.org/back/{provider}"]'
        )
        async with rig_over(tmp_path, migrated) as rig:
            yield World(rig, good, other)


async def test_the_providers_are_listed(world: World) -> None:
    listed = await world.stub.ListProviders(wire.ListProvidersRequest())
    assert [(each.provider, each.title) for each in listed.providers] == [
        ("good", "Good"),
        ("other", "Other"),
    ]


async def test_somebody_unknown_signs_up_and_signs_in_the_next_time(world: World) -> None:
    tokens = await world.sign_up()
    assert claims_of(tokens)["amr"] == ["fed"]
    again = (await world.come()).result.tokens
    assert again.user_id == tokens.user_id
    assert world.good.refused == []


async def test_a_sign_up_asks_for_age_and_country_and_may_be_tried_again(world: World) -> None:
    offered = (await world.come(**PROVED)).sign_up
    assert offered.email == EMAIL
    request = wire.SignUpWithProviderRequest(sign_up=offered.sign_up, at_least_years=12, country="DE")
    assert (await refused(world.stub.SignUpWithProvider(request)))[1] == "TOO_YOUNG"
    request.country = "RU"
    assert (await refused(world.stub.SignUpWithProvider(request)))[1] == "WRONG_CELL"
    request.country, request.at_least_years = "DE", 18
    await world.stub.SignUpWithProvider(request)
    assert (await refused(world.stub.SignUpWithProvider(request)))[:2] == OVER


async def test_an_address_that_has_an_account_is_not_linked_by_coming(world: World) -> None:
    """The classic: an account at a provider in somebody's name, to get at their account here."""
    await world.rig.sign_up()
    assert (await refused(world.come(**PROVED)))[:2] == TO_LINK
    assert await world.rig.rows(provider_links) == []


async def test_an_address_that_got_an_account_meanwhile_is_not_linked_either(world: World) -> None:
    offered = (await world.come(**PROVED)).sign_up
    await world.rig.sign_up()
    request = wire.SignUpWithProviderRequest(sign_up=offered.sign_up, at_least_years=18, country="DE")
    assert (await refused(world.stub.SignUpWithProvider(request)))[:2] == TO_LINK
    assert await world.rig.rows(provider_links) == []


@pytest.mark.parametrize("said", [False, None, "yes", 1])
async def test_an_unverified_address_makes_no_account_and_asks_about_none(world: World, said: Any) -> None:
    await world.rig.sign_up("ben@example.org")
    for address in (EMAIL, "ben@example.org"):
        came = world.come(email=address, email_verified=said)
        assert (await refused(came))[:2] == NOT_PROVED


async def test_a_provider_that_is_not_believed_about_addresses_makes_no_account(
    tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it takes places at other people's addresses, and waits for them to reset the password."""
    secret = tmp_path / "secret"
    secret.write_text(CLIENT_SECRET)
    async with running(LoopbackProvider()) as good:
        listed = settings_json(("good", good.issuer), secret_file=str(secret), vouches_for_addresses=None)
        monkeypatch.setenv("PULSEMESH_SIGN_IN_PROVIDERS", listed)
        monkeypatch.setenv("PULSEMESH_SIGN_IN_PROVIDER_REDIRECT_URIS", f'["{redirect_uri()}"]')
        async with rig_over(tmp_path, migrated) as rig:
            world = World(rig, good, good)
            assert (await refused(world.come(**PROVED)))[:2] == NOT_PROVED


async def test_the_provider_changing_the_address_moves_nobody(world: World) -> None:
    ann = await world.sign_up()
    ben = await world.rig.sign_up("ben@example.org")
    came = (await world.come(email="ben@example.org", email_verified=True)).result.tokens
    assert (came.user_id, came.user_id != ben.user_id) == (ann.user_id, True)
    assert {row["email"] for row in await world.rig.rows(account_table)} == {EMAIL, "ben@example.org"}


async def test_an_answer_without_the_attempt_of_the_client_that_began_leads_nowhere(world: World) -> None:
    """Login CSRF: Mallory's answer, slipped to Ann's browser, which began an attempt of its own."""
    mallorys = await world.start()
    answer = world.good.authorize(mallorys.authorization_url, subject="mallory")
    anns = await world.start()
    assert (await refused(world.finish(anns.attempt, answer)))[:2] == REFUSED
    assert world.good.served.get("token", 0) == 0


async def test_a_stolen_answer_is_worth_nothing_without_the_attempt(world: World) -> None:
    anns = await world.start()
    answer = world.good.authorize(anns.authorization_url)
    assert (await refused(world.finish("pmf_guessed", answer)))[:2] == OVER


async def test_an_answer_is_taken_once(world: World) -> None:
    await world.sign_up()
    started = await world.start()
    answer = world.good.authorize(started.authorization_url)
    await world.finish(started.attempt, answer)
    assert (await refused(world.finish(started.attempt, answer)))[:2] == OVER


async def test_a_code_that_was_used_elsewhere_is_refused(world: World) -> None:
    """Code injection: the provider gives the code's tokens only for the verifier of its own attempt."""
    stolen = world.good.authorize((await world.start()).authorization_url)
    mine = await world.start()
    answer = world.good.authorize(mine.authorization_url) | {"code": stolen["code"]}
    assert (await refused(world.finish(mine.attempt, answer)))[:2] == REFUSED
    assert world.good.refused == ["verifier"]


async def test_an_attempt_is_over_after_minutes(world: World) -> None:
    started = await world.start()
    answer = world.good.authorize(started.authorization_url)
    world.rig.clock.advance(601)
    assert (await refused(world.finish(started.attempt, answer)))[:2] == OVER


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://attacker.example"},
        {"iss": ""},
        {"redirect_uri": redirect_uri("other")},
        {"error": "access_denied"},
        {"code": ""},
    ],
)
async def test_an_answer_that_is_not_this_providers_own_yes_asks_for_no_tokens(
    world: World, change: dict[str, str]
) -> None:
    started = await world.start()
    answer = world.good.authorize(started.authorization_url) | change
    assert (await refused(world.finish(started.attempt, answer)))[:2] == REFUSED
    assert world.good.served.get("token", 0) == 0


async def test_the_answer_of_one_provider_does_not_pass_for_anothers(world: World) -> None:
    """Mix-up: the attempt began at the other one, whose operator wants the good one's code."""
    started = await world.start("other")
    honest = await world.start("good")
    answer = world.good.authorize(honest.authorization_url)
    answer["state"] = world.other.authorize(started.authorization_url)["state"]
    assert (await refused(world.finish(started.attempt, answer)))[:2] == REFUSED
    assert world.other.served.get("token", 0) == 0


async def test_the_same_name_at_another_provider_is_somebody_else(world: World) -> None:
    await world.sign_up()
    started = await world.start("other")
    came = world.finish(started.attempt, world.other.authorize(started.authorization_url, **PROVED))
    assert (await refused(came))[:2] == TO_LINK


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another attempt"},
        {"nonce": None},
        {"aud": "somebody-else"},
        {"iss": "https://attacker.example"},
        {"exp": 1},
        {"sub": ""},
        {"at_hash": "AAAA"},
    ],
)
async def test_an_id_token_that_is_not_for_us_and_now_is_refused(
    world: World, claims: dict[str, Any]
) -> None:
    await world.sign_up()
    world.good.claims = claims
    assert (await refused(world.come()))[:2] == REFUSED


async def test_keys_that_are_replaced_are_fetched_but_not_at_everybodys_will(world: World) -> None:
    from joserfc import jwt
    from joserfc.jwk import ECKey

    await world.sign_up()
    assert world.good.served["jwks"] == 1
    strange = ECKey.generate_key("P-256", {"kid": "of nobody"})
    world.good.sign = lambda claims: jwt.encode({"alg": "ES256", "kid": "of nobody"}, claims, strange)
    for _ in range(3):
        assert (await refused(world.come()))[:2] == REFUSED
    assert world.good.served["jwks"] == 1


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://attacker.example"},
        {"token_endpoint": "http://attacker.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": None},
    ],
)
async def test_a_discovery_document_that_leads_elsewhere_is_not_followed(
    world: World, discovery: dict[str, Any]
) -> None:
    world.good.discovery = discovery
    code, reason, _ = await refused(world.start())
    assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "PROVIDER_UNAVAILABLE")


@pytest.mark.parametrize("broken", ["redirect", "long"])
async def test_redirects_and_floods_of_a_provider_are_cut_off(world: World, broken: str) -> None:
    world.good.broken = broken
    assert (await refused(world.start()))[1] == "PROVIDER_UNAVAILABLE"


async def test_people_are_sent_back_only_to_where_the_platform_allows(world: World) -> None:
    for uri in (f"{redirect_uri()}/../evil", redirect_uri("other"), "https://attacker.example/back/good"):
        request = wire.StartSignInRequest(provider="good", redirect_uri=uri)
        assert (await refused(world.stub.StartSignIn(request)))[0] == grpc.StatusCode.INVALID_ARGUMENT


async def test_what_is_kept_of_an_attempt_exchanges_no_code(world: World) -> None:
    started = await world.start()
    kept = repr(await world.rig.rows(provider_attempts))
    answer = world.good.authorize(started.authorization_url)
    asked = world.good.codes[answer["code"]].asked
    assert not any(secret in kept for secret in (asked["state"], asked["nonce"], started.attempt))


async def test_the_owner_links_from_within_and_signs_in_by_it(world: World) -> None:
    tokens = await world.rig.sign_up()
    link = (await world.link(tokens, **PROVED)).link
    assert (link.provider, link.label) == ("good", EMAIL)
    assert (await world.rig.last_mail()).subject == "Good was linked to your Pulsemesh account"
    assert (await world.come()).result.tokens.user_id == tokens.user_id


async def test_a_link_needs_more_than_a_stolen_session(world: World) -> None:
    tokens = await world.rig.sign_up()
    request = wire.StartLinkRequest(provider="good", redirect_uri=redirect_uri())
    assert (await refused(world.stub.StartLink(request, metadata=bearer(tokens))))[1] == "SIGN_IN_FAILED"


async def test_a_link_that_one_began_is_not_anothers_to_finish(world: World) -> None:
    """Linking CSRF: Mallory's account at the provider, linked to Ann's account here."""
    ann = await world.rig.sign_up()
    mallory = await world.rig.sign_up("mallory@example.org")
    started = await world.start_link(mallory)
    answer = world.good.authorize(started.authorization_url)
    assert (await refused(world.finish_link(ann, started.attempt, answer)))[:2] == OVER
    assert await world.rig.rows(provider_links) == []


async def test_an_attempt_to_sign_in_does_not_link_nor_the_other_way_round(world: World) -> None:
    ann = await world.rig.sign_up()
    signing_in = await world.start()
    answer = world.good.authorize(signing_in.authorization_url)
    assert (await refused(world.finish_link(ann, signing_in.attempt, answer)))[:2] == OVER
    linking = await world.start_link(ann)
    answer = world.good.authorize(linking.authorization_url)
    assert (await refused(world.finish(linking.attempt, answer)))[:2] == OVER


async def test_an_account_at_a_provider_belongs_to_one_person(world: World) -> None:
    ann = await world.rig.sign_up()
    await world.link(ann)
    ben = await world.rig.sign_up("ben@example.org")
    assert (await refused(world.link(ben)))[0] == grpc.StatusCode.ALREADY_EXISTS
    assert (await world.come()).result.tokens.user_id == ann.user_id


async def test_a_link_that_was_removed_lets_nobody_in(world: World) -> None:
    tokens = await world.rig.sign_up()
    link = (await world.link(tokens, **PROVED)).link
    request = wire.UnlinkProviderRequest(link_id=link.link_id, proof=BY_PASSWORD)
    assert (await world.stub.UnlinkProvider(request, metadata=bearer(tokens))).unlinked
    assert (await world.rig.last_mail()).subject == "Good was unlinked from your Pulsemesh account"
    assert (await refused(world.come(**PROVED)))[:2] == TO_LINK


async def test_the_last_way_in_is_not_removed(world: World) -> None:
    tokens = await world.sign_up()
    listed = await world.stub.ListLinks(wire.ListLinksRequest(), metadata=bearer(tokens))
    request = wire.UnlinkProviderRequest(link_id=listed.links[0].link_id)
    call = world.stub.UnlinkProvider(request, metadata=bearer(tokens))
    assert (await refused(call))[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "LAST_WAY_IN")


async def test_another_persons_link_is_not_mine_to_remove(world: World) -> None:
    link = (await world.link(await world.rig.sign_up())).link
    mallory = await world.rig.sign_up("mallory@example.org")
    request = wire.UnlinkProviderRequest(link_id=link.link_id, proof=BY_PASSWORD)
    assert not (await world.stub.UnlinkProvider(request, metadata=bearer(mallory))).unlinked
    assert len(await world.rig.rows(provider_links)) == 1


async def test_a_provider_does_not_lead_around_the_second_factor(world: World) -> None:
    tokens = await world.rig.sign_up()
    await world.link(tokens)
    secret, _ = await world.ways.set_up_totp(tokens)
    result = (await world.come()).result
    assert result.WhichOneof("outcome") == "second_factor"
    completed = await world.ways.complete(result.second_factor.challenge, totp_code=world.ways.code(secret))
    assert set(claims_of(completed)["amr"]) == {"fed", "otp", "mfa"}


async def test_an_account_that_is_being_deleted_is_not_signed_in_to(world: World) -> None:
    tokens = await world.sign_up()
    async with world.rig.database.write() as transaction:
        await transaction.run(accounts.change, tokens.user_id, state=accounts.DELETING)
    assert (await refused(world.come()))[:2] == REFUSED


async def test_an_account_made_by_a_provider_has_no_password(world: World) -> None:
    await world.sign_up()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.rig.sign_in(password=PASSWORD)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
