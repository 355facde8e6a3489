"""The mail after a reset: it names what signs in still, for somebody else may have put it there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pulsemesh.auth.v1 import account_service_pb2 as wire
from pulsemesh.auth.v1 import session_pb2
from services.auth.federation import store as link_store
from services.auth.federation.store import LinkRow
from services.auth.passkeys import store as passkey_store
from services.auth.passkeys.store import PasskeyRow
from tests.integration.services.auth.conftest import EMAIL, ReadMail, Rig, refused
from tests.integration.services.auth.further_ways.conftest import rig_over
from tests.integration.services.auth.further_ways.provider import settings_json

NEW = "another good password"
ISSUER, FORMER_ISSUER = "https://club.example", "https://former.example"


@pytest.fixture
async def rig(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    listed = settings_json(("club", ISSUER), secret_file=str(secret), title="Our club")
    monkeypatch.setenv("PULSEMESH_SIGN_IN_PROVIDERS", listed)
    monkeypatch.setenv(
        "PULSEMESH_SIGN_IN_PROVIDER_REDIRECT_URIS", '["https://app.example.org/back/{provider}"]'
    )
    async with rig_over(tmp_path, migrated) as running:
        yield running


async def keep_link(rig: Rig, user_id: str, issuer: str, label: str) -> None:
    link = LinkRow(
        link_id=label.ljust(26, "0")[:26],
        user_id=user_id,
        provider="club" if issuer == ISSUER else "former",
        issuer=issuer,
        subject=label,
        label=label,
        created_ms=1,
        used_ms=None,
    )
    async with rig.database.write() as transaction:
        await transaction.run(link_store.add, link)


async def keep_passkey(rig: Rig, user_id: str, name: str) -> None:
    passkey = PasskeyRow(
        passkey_id=name.ljust(26, "0")[:26],
        user_id=user_id,
        credential_id=name.encode(),
        public_key=b"-",
        sign_count=0,
        name=name,
        transports="",
        aaguid="",
        may_be_backed_up=False,
        backed_up=False,
        created_ms=1,
        used_ms=None,
    )
    async with rig.database.write() as transaction:
        await transaction.run(passkey_store.add, passkey)


async def reset(rig: Rig) -> ReadMail:
    """The mail after a reset, which ended a session."""
    await rig.accounts.RequestPasswordReset(wire.RequestPasswordResetRequest(email=EMAIL))
    request = wire.ResetPasswordRequest(token=(await rig.last_mail()).token, new_password=NEW)
    assert (await rig.accounts.ResetPassword(request)).ended_sessions == 1
    return await rig.last_mail()


async def with_ways(rig: Rig, language: str) -> session_pb2.Tokens:
    tokens = await rig.sign_up(language=language)
    await keep_passkey(rig, tokens.user_id, "Laptop")
    await keep_passkey(rig, tokens.user_id, "Phone")
    await keep_link(rig, tokens.user_id, ISSUER, "mallory@club.example")
    return tokens


@pytest.mark.parametrize(
    ("language", "passkeys", "links"),
    [
        ("en", "Passkeys: Laptop; Phone", "Linked providers: Our club (mallory@club.example)"),
        ("ru", "Ключи доступа: Laptop; Phone", "Привязанные провайдеры: Our club (mallory@club.example)"),
    ],
)
async def test_the_mail_after_a_reset_names_passkeys_and_linked_providers(
    rig: Rig, language: str, passkeys: str, links: str
) -> None:
    tokens = await with_ways(rig, language)
    mail = await reset(rig)
    assert mail.recipient == EMAIL
    assert {passkeys, links} <= set(mail.text.splitlines())
    assert (await refused(rig.refresh(tokens.refresh_token)))[1] == "SESSION_ENDED"


async def test_the_mail_after_a_reset_says_so_when_nothing_else_signs_in(rig: Rig) -> None:
    other = await rig.sign_up("ben@example.org")
    await keep_passkey(rig, other.user_id, "Of Ben")
    await rig.sign_up()
    assert {"Passkeys: –", "Linked providers: –"} <= set((await reset(rig)).text.splitlines())


async def test_a_link_to_a_provider_that_is_gone_is_not_named(rig: Rig) -> None:
    tokens = await rig.sign_up()
    await keep_link(rig, tokens.user_id, FORMER_ISSUER, "ann@former.example")
    assert "former" not in (await reset(rig)).text


async def test_the_name_of_a_passkey_makes_no_paragraph_of_its_own(rig: Rig) -> None:
    tokens = await rig.sign_up()
    await keep_passkey(rig, tokens.user_id, "Phone\n\nhttps://evil.example")
    assert "Passkeys: Phone https://evil.example" in (await reset(rig)).text.splitlines()
