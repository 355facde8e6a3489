"""Refresh tokens, in whatever order they are used, replayed, or their session ended.

What must hold: at most one token of a session leads on to a new one; a token that comes again, other than
right after a lost answer, ends the session for good; what has ended stays so.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Connection, create_engine, func, select
from sqlalchemy.pool import StaticPool

from pulsemesh.auth.v1.events_pb2 import SessionEndReason
from services.auth import sessions
from services.auth.sessions import GRACE_MS, OpenedSession, Refusal, Rotation
from services.auth.tables import metadata, refresh_tokens, revocations
from services.auth.tables import sessions as session_table
from services.chassis.migrations import chassis_metadata

USER = "eu_01J00000000000000000000000"


class RefreshTokens(RuleBasedStateMachine):
    """A session, its tokens, and a model of them: a chain of which the last is good."""

    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        engine = create_engine("sqlite://", poolclass=StaticPool)
        self.engine = engine
        self.conn: Connection = engine.connect()
        metadata.create_all(self.conn)
        chassis_metadata.create_all(self.conn)
        self.now_ms = 1_800_000_000_000
        self.chain: list[str] = []
        self.used_ms: dict[str, int] = {}
        self.over = False
        self.session_id = ""

    def teardown(self) -> None:
        self.conn.close()
        self.engine.dispose()

    @initialize(target=tokens)
    def open(self) -> str:
        opened = sessions.open_session(
            self.conn,
            user_id=USER,
            kind="user",
            client_id="test",
            scopes=["workout.read"],
            methods=["pwd"],
            device_name="",
            peer="ipv4:192.0.2.1:5",
            now_ms=self.now_ms,
        )
        self.session_id = opened.session_id
        self.chain = [opened.refresh_token]
        return opened.refresh_token

    @rule(target=tokens, token=tokens, network=st.integers(1, 3))
    def refresh(self, token: str, network: int) -> str:
        rotation = sessions.rotate(self.conn, token, peer=f"ipv4:192.0.{network}.1:5", now_ms=self.now_ms)
        return self._check(token, rotation)

    def _check(self, token: str, rotation: Rotation) -> str:
        if self.over:
            assert rotation.opened is None
            return token
        if token == self.chain[-1]:
            return self._went_on(token, rotation.opened)
        is_previous = len(self.chain) > 1 and token == self.chain[-2]
        if is_previous and self.now_ms - self.used_ms[token] <= GRACE_MS:
            assert rotation.opened is not None
            assert rotation.opened.refresh_token == self.chain[-1]
            return self.chain[-1]
        assert rotation.refusal is Refusal.REUSED
        self.over = True
        return token

    def _went_on(self, token: str, opened: OpenedSession | None) -> str:
        assert opened is not None
        assert opened.refresh_token not in self.chain
        self.used_ms[token] = self.now_ms
        self.chain.append(opened.refresh_token)
        return opened.refresh_token

    @rule(token=st.text(max_size=60))
    def guess(self, token: str) -> None:
        if token not in self.chain:
            rotation = sessions.rotate(self.conn, token, peer="ipv4:192.0.2.9:5", now_ms=self.now_ms)
            assert rotation.refusal is Refusal.UNKNOWN

    @rule(token=tokens)
    def steal_with_another_program(self, token: str) -> None:
        rotation = sessions.rotate(
            self.conn, token, client_id="another", peer="ipv4:192.0.2.9:5", now_ms=self.now_ms
        )
        assert rotation.refusal is Refusal.UNKNOWN

    @rule(seconds=st.sampled_from([0.1, 5, 9, 11, 70, 4_000]))
    def wait(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)

    @rule()
    def end(self) -> None:
        reason = SessionEndReason.SESSION_END_REASON_SIGNED_OUT
        ended = sessions.end_session(self.conn, self.session_id, reason, self.now_ms)
        assert ended != self.over
        self.over = True

    @invariant()
    def at_most_one_token_leads_on(self) -> None:
        unused = select(func.count()).where(refresh_tokens.c.used_ms.is_(None))
        assert self.conn.scalar(unused) == (0 if self.over or not self.chain else 1)

    @invariant()
    def at_most_one_salt_is_kept(self) -> None:
        kept = select(func.count()).where(refresh_tokens.c.successor_salt.is_not(None))
        assert (self.conn.scalar(kept) or 0) <= 1

    @invariant()
    def an_ended_session_is_gone_and_revoked(self) -> None:
        left = self.conn.scalar(select(func.count()).select_from(session_table))
        revoked = self.conn.scalar(select(func.count()).select_from(revocations))
        assert (left, revoked) == ((0, 1) if self.over else (1 if self.chain else 0, 0))


RefreshTokens.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestRefreshTokens = RefreshTokens.TestCase
