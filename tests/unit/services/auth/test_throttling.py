"""How guessing is slowed down, and the owner is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from services.auth import throttling
from services.auth.store.throttles import Weight
from services.auth.tables import metadata
from services.auth.throttling import ACCOUNT, ACCOUNT_FROM_NETWORK, HALF_LIFE_MS, NETWORK, Subject
from services.auth.vault import Vault

VAULT = Vault([b"k" * 32])
NOW_MS = 1_800_000_000_000
HOME, ATTACKER = "ipv4:192.0.2.7:50", "ipv4:203.0.113.9:50"


@pytest.fixture
def conn() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        metadata.create_all(connection)
        yield connection
    engine.dispose()


def of(peer: str, *, owner_is_here: bool = False, email: str = "ann@example.org") -> list[Subject]:
    return throttling.subjects_of_sign_in(VAULT, email, peer, owner_is_here=owner_is_here)


def fail(conn: Connection, peer: str, now_ms: int, *, owner_is_here: bool = False) -> int:
    return throttling.attempt(conn, of(peer, owner_is_here=owner_is_here), now_ms)


def test_the_first_failures_are_free_and_then_each_block_is_longer(conn: Connection) -> None:
    now_ms, blocks = NOW_MS, []
    for _ in range(ACCOUNT_FROM_NETWORK.free):
        assert fail(conn, ATTACKER, now_ms) == 0
    for _ in range(5):
        assert fail(conn, ATTACKER, now_ms) == 0
        blocks.append(fail(conn, ATTACKER, now_ms))
        assert fail(conn, ATTACKER, now_ms) == blocks[-1]  # what is refused does not weigh
        now_ms += blocks[-1]
    assert blocks == sorted(blocks)
    assert blocks[-1] > 4 * blocks[0] > 0


def test_no_block_is_longer_than_its_bound(conn: Connection) -> None:
    now_ms = NOW_MS
    for _ in range(150):
        now_ms += fail(conn, ATTACKER, now_ms)
        assert fail(conn, ATTACKER, now_ms) <= ACCOUNT_FROM_NETWORK.longest_ms


def test_failures_elsewhere_do_not_keep_the_owner_out_of_a_known_network(conn: Connection) -> None:
    for number in range(800):
        fail(conn, f"ipv4:203.0.{number % 250}.9:50", NOW_MS + number)
    assert fail(conn, HOME, NOW_MS + 800, owner_is_here=True) == 0


def test_failures_from_everywhere_hold_up_a_strange_network_for_a_minute_at_most(conn: Connection) -> None:
    for number in range(400):
        fail(conn, f"ipv4:203.0.{number % 250}.9:50", NOW_MS)
    blocked_ms = fail(conn, HOME, NOW_MS)
    assert 0 < blocked_ms <= ACCOUNT.longest_ms
    assert fail(conn, HOME, NOW_MS + blocked_ms) == 0


def test_one_network_is_slowed_down_over_all_accounts(conn: Connection) -> None:
    for number in range(NETWORK.free + 1):
        assert not throttling.attempt(conn, of(ATTACKER, email=f"person-{number}@example.org"), NOW_MS)
    assert throttling.attempt(conn, of(ATTACKER, email="one-more@example.org"), NOW_MS) > 0


def test_a_success_takes_back_what_the_account_weighs_and_no_more_of_the_network(conn: Connection) -> None:
    for _ in range(ACCOUNT_FROM_NETWORK.free):
        fail(conn, ATTACKER, NOW_MS)
    throttling.forgive(conn, of(ATTACKER), NOW_MS)
    for _ in range(ACCOUNT_FROM_NETWORK.free):
        assert fail(conn, ATTACKER, NOW_MS) == 0


@given(st.integers(0, 10**9), st.integers(0, 10 * HALF_LIFE_MS))
def test_weights_only_decay(milli: int, later_ms: int) -> None:
    weight = Weight(milli, NOW_MS, 0)
    assert 0 <= throttling.decayed(weight, NOW_MS + later_ms) <= milli
    assert throttling.decayed(weight, NOW_MS + HALF_LIFE_MS) == milli // 2
