"""What the database must not give away by itself."""

from __future__ import annotations

import base64
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.secret_tokens import fingerprint, new_code, new_token, successor
from services.auth.vault import SealBroken, Vault, load_or_create, read_keys

OLD, NEW = b"o" * 32, b"n" * 32


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_is_sealed_is_opened_for_the_same_use_only(plain: bytes, label: str) -> None:
    vault = Vault([NEW])
    sealed = vault.seal(label, plain)
    assert vault.open(label, sealed) == plain
    with pytest.raises(SealBroken):
        vault.open(label + "x", sealed)


@given(st.integers(0, 60), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place: int, change: int) -> None:
    vault = Vault([NEW])
    sealed = bytearray(vault.seal("use", b"some words"))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(SealBroken):
        vault.open("use", bytes(sealed))


def test_a_key_is_replaced_by_putting_another_before_it() -> None:
    before, during, after = Vault([OLD]), Vault([NEW, OLD]), Vault([NEW])
    sealed, mac = before.seal("use", b"x"), before.mac("use", "123456")
    assert during.open("use", sealed) == b"x"
    assert during.matches("use", "123456", mac)
    assert after.open("use", during.seal("use", b"y")) == b"y"
    assert not after.matches("use", "123456", mac)


def test_the_same_code_has_another_hash_for_another_use() -> None:
    vault = Vault([NEW])
    assert not vault.matches("one use", "123456", vault.mac("another use", "123456"))


def test_processes_that_start_at_once_end_up_with_one_key(tmp_path: Path) -> None:
    path = tmp_path / "auth" / "key_encryption_key"
    found: list[list[bytes]] = []
    threads = [threading.Thread(target=lambda: found.append(load_or_create(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({keys[0] for keys in found}) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["not base64!", base64.b64encode(b"short").decode()])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        read_keys(text)


def test_a_successor_follows_from_token_and_salt_alone() -> None:
    token = new_token("pmr")
    assert successor(token, b"salt") == successor(token, b"salt") != successor(token, b"other")
    assert successor(token, b"salt").startswith("pmr_")
    assert fingerprint(token) != fingerprint(successor(token, b"salt"))


def test_codes_have_six_digits() -> None:
    assert all(len(code) == 6 and code.isdecimal() for code in (new_code() for _ in range(200)))
