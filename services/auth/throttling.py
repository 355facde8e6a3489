"""Guessing is slowed down, and nobody is locked out for good.

Each attempt weighs on three subjects before its proof is looked at, so that attempts at the same time cannot
slip through together: the account as tried from one network, the network, and the account as tried from
anywhere. Weights halve every quarter of an hour. Beyond a subject's allowance each further attempt blocks it,
twice as long each time up to a bound; what is refused meanwhile does not weigh. A success takes back what the
account weighs.

Who fails elsewhere hardly hinders the owner: the account as tried from anywhere is generous, its longest
block is a minute, and it does not count for networks in which the owner has a session. Resetting the password
is not hindered. Unknown addresses weigh and block like known ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.auth.places import network_of
from services.auth.store import throttles as store
from services.auth.store.throttles import Weight
from services.auth.vault import Vault

HALF_LIFE_MS = 15 * 60_000
FORGET_AFTER_MS = 24 * 3_600_000
_LABEL = "throttle"


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much a subject bears.

    Attributes:
        free: attempts before the first block.
        longest_ms: of a block.
    """

    free: int
    longest_ms: int


ACCOUNT_FROM_NETWORK = Allowance(free=5, longest_ms=15 * 60_000)
NETWORK = Allowance(free=60, longest_ms=15 * 60_000)
ACCOUNT = Allowance(free=40, longest_ms=60_000)
MAILS = Allowance(free=4, longest_ms=3_600_000)
"""Mails to one address that nobody there asked for by signing in."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that is weighed."""

    mac: bytes
    allowance: Allowance


def subjects_of_sign_in(vault: Vault, email: str, peer: str, *, owner_is_here: bool) -> list[Subject]:
    """What an attempt to sign in weighs on.

    Args:
        owner_is_here: the account has a session in this network.
    """
    network = network_of(peer)
    subjects = [
        Subject(vault.mac(_LABEL, f"pair\0{email}\0{network}"), ACCOUNT_FROM_NETWORK),
        Subject(vault.mac(_LABEL, f"network\0{network}"), NETWORK),
    ]
    if not owner_is_here:
        subjects.append(Subject(vault.mac(_LABEL, f"account\0{email}"), ACCOUNT))
    return subjects


def subject_of_mails(vault: Vault, email: str) -> Subject:
    """What a mail weighs on."""
    return Subject(vault.mac(_LABEL, f"mails\0{email}"), MAILS)


def attempt(conn: Connection, subjects: Sequence[Subject], now_ms: int) -> int:
    """Weigh an attempt, unless a subject is blocked; returns for how many milliseconds it is, else 0."""
    # In the order of their hashes: two attempts that share subjects must not wait for each other.
    ordered = sorted(subjects, key=lambda subject: subject.mac)
    weights = [store.lock(conn, subject.mac) for subject in ordered]
    blocked_ms = max(weight.blocked_until_ms for weight in weights) - now_ms
    if blocked_ms > 0:
        return blocked_ms
    for subject, weight in zip(ordered, weights, strict=True):
        store.put(conn, subject.mac, heavier(weight, subject.allowance, now_ms))
    return 0


def forgive(conn: Connection, subjects: Sequence[Subject], now_ms: int) -> None:
    """The attempt was right: the account starts anew, the network gets back what this attempt weighed."""
    for subject in sorted(subjects, key=lambda subject: subject.mac):
        if subject.allowance is NETWORK:
            weight = store.lock(conn, subject.mac)
            left = max(decayed(weight, now_ms) - 1_000, 0)
            store.put(conn, subject.mac, Weight(left, now_ms, 0))
        else:
            store.remove(conn, subject.mac)


def decayed(weight: Weight, now_ms: int) -> int:
    """What failures weigh now, in thousandths."""
    half_lives = max(now_ms - weight.failed_ms, 0) / HALF_LIFE_MS
    return math.floor(weight.weight_milli * math.exp2(-half_lives))


def heavier(weight: Weight, allowance: Allowance, now_ms: int) -> Weight:
    """What is known after one more attempt."""
    milli = decayed(weight, now_ms) + 1_000
    beyond = milli / 1_000 - allowance.free
    if beyond <= 0:
        return Weight(milli, now_ms, 0)
    block_ms = min(1_000 * 2.0 ** min(beyond, 60.0), allowance.longest_ms)
    return Weight(milli, now_ms, now_ms + round(block_ms))
