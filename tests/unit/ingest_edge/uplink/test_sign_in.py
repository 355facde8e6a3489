"""The gateway's session: kept for its owner alone, renewed once for everybody, and followed by the next."""

from __future__ import annotations

import asyncio
import dataclasses
import stat
import time
from pathlib import Path

import pytest

from ingest_edge.uplink.sign_in import KeptSignIn, SignInFile
from pulsemesh.credentials import SessionTokens
from pulsemesh.errors import Unauthenticated

TARGET = "127.0.0.1:50051"


def tokens(number: int, session_id: str = "s1", *, lives_s: float = 600) -> SessionTokens:
    now_s = time.time()
    return SessionTokens(
        f"access{number}", now_s + lives_s, f"refresh{number}", now_s + 1e6, "eu_A", session_id
    )


def ended() -> Unauthenticated:
    return Unauthenticated("the session has ended")


class Platform:
    """Exchanges refresh tokens, each once, as the platform does."""

    def __init__(self) -> None:
        self.exchanged: list[str] = []
        self.over = False

    async def exchange(self, refresh_token: str) -> SessionTokens:
        await asyncio.sleep(0)
        if self.over or refresh_token in self.exchanged:
            raise ended()
        self.exchanged.append(refresh_token)
        return tokens(len(self.exchanged) + 1)


@pytest.fixture
def file(tmp_path: Path) -> SignInFile:
    return SignInFile(tmp_path / "home", TARGET)


def signed_in(file: SignInFile, platform: Platform, first: SessionTokens) -> KeptSignIn:
    kept = KeptSignIn(first, file)
    kept.bind(platform.exchange)
    return kept


def test_only_the_owner_reads_the_file(file: SignInFile) -> None:
    file.put(tokens(1))
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    kept = file.load()
    assert kept is not None
    assert (kept.access_token, "access1" in repr(kept)) == ("access1", False)


def test_a_session_belongs_to_one_platform(file: SignInFile) -> None:
    file.put(tokens(1))
    other = SignInFile(file.path.parent, "elsewhere:443")
    assert other.load() is None
    other.put(tokens(2, "s2"))
    assert file.remove()
    assert not file.remove()
    assert other.load() is not None


def test_a_file_that_cannot_be_read_is_no_session(file: SignInFile) -> None:
    file.put(tokens(1))
    file.path.write_text("{broken")
    assert file.load() is None
    file.path.write_text(f'{{"{TARGET}": {{"of": "another version"}}}}')
    assert file.load() is None


async def test_calls_at_the_same_time_renew_once(file: SignInFile) -> None:
    file.put(old := tokens(1, lives_s=-1))
    platform = Platform()
    kept = signed_in(file, platform, old)
    assert set(await asyncio.gather(*(kept.token() for _ in range(20)))) == {"access2"}
    assert platform.exchanged == ["refresh1"]


async def test_programs_at_the_same_time_renew_once(file: SignInFile) -> None:
    file.put(old := tokens(1, lives_s=-1))
    platform = Platform()
    programs = [signed_in(file, platform, old) for _ in range(4)]
    assert set(await asyncio.gather(*(each.token() for each in programs))) == {"access2"}
    assert platform.exchanged == ["refresh1"]


async def test_a_renewed_session_survives_a_restart(file: SignInFile) -> None:
    file.put(old := tokens(1, lives_s=-1))
    platform = Platform()
    await signed_in(file, platform, old).token()
    after = file.load()
    assert after is not None
    again = signed_in(file, platform, dataclasses.replace(after, access_expires_at_s=0))
    file.put(dataclasses.replace(after, access_expires_at_s=0))
    assert await again.token() == "access3"
    assert platform.exchanged == ["refresh1", "refresh2"]


async def test_a_session_that_ended_is_followed_by_the_next_sign_in(file: SignInFile) -> None:
    file.put(old := tokens(1, lives_s=-1))
    platform = Platform()
    kept = signed_in(file, platform, old)
    platform.over = True
    with pytest.raises(Unauthenticated):
        await kept.token()
    file.put(tokens(9, "s2"))
    assert await kept.token() == "access9"


async def test_a_refused_token_is_followed_by_the_next_sign_in(file: SignInFile) -> None:
    file.put(old := tokens(1))
    platform = Platform()
    kept = signed_in(file, platform, old)
    platform.over = True
    assert not await kept.refresh("access1")
    file.put(tokens(9, "s2"))
    assert await kept.refresh("access1")
    assert await kept.token() == "access9"


async def test_nobody_brings_a_session_back_that_was_signed_out(file: SignInFile) -> None:
    file.put(old := tokens(1, lives_s=-1))
    platform = Platform()
    kept = signed_in(file, platform, old)
    file.remove()
    await kept.token()
    assert file.load() is None
