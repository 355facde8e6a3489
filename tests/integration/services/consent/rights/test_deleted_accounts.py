"""Deleting an account erases everything at once, and its address may come back as somebody new."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pulsemesh import SessionTokens, connect
from services.chassis.settings import load_settings
from services.host.platform import Platform, running_platform
from tests.fixtures.waiting import eventually

ADDRESS, PASSWORD = "quentin@example.org", "correct horse battery"
PATIENCE_S = 60.0


@pytest.fixture
async def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Platform]:
    monkeypatch.setenv("PULSEMESH_CONSENT_ERASURE_SETTLING_S", "0")  # the day of grace stays
    chosen = {
        "data_dir": tmp_path,
        "server": {"listen": "127.0.0.1:0", "stream_notice_s": 0.0, "drain_grace_s": 3.0},
        "telemetry": {"log_level": "warning"},
    }
    async with running_platform(load_settings(chosen)) as running:
        yield running


async def signed_up(platform: Platform, data_dir: Path) -> SessionTokens:
    """Sign up with the code that comes by mail; earlier mails are thrown away."""
    box = data_dir / "mail"
    for path in box.glob("*.eml"):
        path.unlink()
    async with connect(platform.address) as anyone:
        begun = await anyone.account.sign_up(ADDRESS, PASSWORD, country="DE", at_least_years=18)
        await eventually(lambda: bool(code_in(box)), PATIENCE_S)
        return await anyone.account.verify(begun.sign_up, code_in(box))


def code_in(box: Path) -> str:
    for path in sorted(box.glob(f"[!.]*-{ADDRESS}.eml"), reverse=True):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if found := re.search(r"[0-9]{6}", str(message["Subject"])):
            return found.group()
    return ""


def kept(data_dir: Path) -> bytes:
    """What is in files: mails that were delivered are the person's, and the audit log tells of acts."""
    return b"".join(
        path.read_bytes()
        for path in data_dir.rglob("*")
        if path.is_file() and path.relative_to(data_dir).parts[0] not in {"mail", "audit"}
    )


async def test_a_deleted_account_is_erased_and_its_address_signs_up_as_somebody_new(
    platform: Platform, tmp_path: Path
) -> None:
    first = await signed_up(platform, tmp_path)
    async with connect(platform.address, first.access_token) as client:
        await client.profile.update(display_name="Quentin Quillfeather")
        waiting = await client.rights.request_erasure(first.user_id)
        assert waiting.due_at.ToMilliseconds() > waiting.created_at.ToMilliseconds()
        await client.account.request_deletion(PASSWORD)
    async with connect(platform.address) as anyone:

        async def done() -> bool:
            await asyncio.sleep(1.1)  # a report may be asked for sixty times a minute
            return bool((await anyone.rights.report(waiting.rights_request_id)).HasField("done_at"))

        await eventually(done, PATIENCE_S)
        report = await anyone.rights.report(waiting.rights_request_id)
        counts = {(place.domain, place.place): place.count for place in report.places}
        assert counts["auth", "table accounts"] == counts["profile", "table profiles"] == 1
    after = kept(tmp_path)
    for trace in (first.user_id, ADDRESS, "Quentin Quillfeather"):
        assert trace.encode() not in after
    second = await signed_up(platform, tmp_path)
    assert second.user_id != first.user_id
    async with connect(platform.address, second.access_token) as client:
        assert (await client.account.get()).email == ADDRESS
        assert (await client.profile.get()).display_name != "Quentin Quillfeather"
