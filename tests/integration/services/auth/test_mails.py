"""Mails on their way: a real mail server that takes, refuses and is away."""

from __future__ import annotations

import email
import email.policy
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.auth.mail import Mail, MailRefused, MailUnavailable
from services.auth.mail.carriers import FolderMailer, SmtpMailer
from services.auth.mail.sending import FIRST_PAUSE_MS
from services.auth.tables import mails
from tests.fixtures.server_process import free_port
from tests.integration.services.auth.conftest import EMAIL, Rig, running_rig

MAIL = Mail("1.2", EMAIL, "Привет: 123456", "Your code is\n\n123456\n", "<p>123456</p>")


class Postbox:
    """Takes mails, or answers what a test says."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.answer = ""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answer:
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content
        assert content is not None
        self.taken.append(email.message_from_bytes(content, policy=email.policy.default))
        return "250 OK"


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def server(postbox: Postbox) -> Iterator[Any]:
    controller = Controller(postbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


def port_of(server: Any) -> int:
    return int(server.server.sockets[0].getsockname()[1])


def carrier(port: int) -> SmtpMailer:
    return SmtpMailer(
        host="127.0.0.1", port=port, security="none", sender="Pulsemesh <no-reply@example.org>", timeout_s=10
    )


@pytest.fixture
async def by_smtp(tmp_path: Path, server: Any) -> AsyncIterator[Rig]:
    identity = {"mail": "smtp", "smtp_port": port_of(server), "smtp_security": "none"}
    async with running_rig(tmp_path, f"sqlite:///{tmp_path}", identity) as rig:
        yield rig


async def test_a_mail_arrives_as_text_and_html(server: Any, postbox: Postbox) -> None:
    await carrier(port_of(server)).send(MAIL)
    (message,) = postbox.taken
    assert (message["To"], message["Subject"]) == (EMAIL, "Привет: 123456")
    assert message["Message-ID"] == "<1.2@example.org>"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


async def test_nobody_smuggles_a_header_in_by_a_subject(server: Any) -> None:
    evil = Mail("1.2", EMAIL, "code\r\nBcc: all@example.org", "text", "html")
    with pytest.raises(MailUnavailable):
        await carrier(port_of(server)).send(evil)


async def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(MailUnavailable):
        await carrier(9).send(MAIL)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [("550 no such mailbox", MailRefused), ("451 later", MailUnavailable), ("421 closing", MailUnavailable)],
)
async def test_what_the_server_answers_decides_about_another_attempt(
    server: Any, postbox: Postbox, answer: str, failure: type[Exception]
) -> None:
    postbox.answer = answer
    with pytest.raises(failure):
        await carrier(port_of(server)).send(MAIL)


async def test_a_request_does_not_wait_and_the_mail_is_sent_later(by_smtp: Rig, postbox: Postbox) -> None:
    await by_smtp.begin()
    assert postbox.taken == []
    await by_smtp.sender.send_due()
    assert [message["To"] for message in postbox.taken] == [EMAIL]
    assert await by_smtp.rows(mails) == []


async def test_a_mail_outlives_the_absence_of_the_server(by_smtp: Rig, postbox: Postbox) -> None:
    postbox.answer = "451 later"
    await by_smtp.begin()
    await by_smtp.sender.send_due()
    (waiting,) = await by_smtp.rows(mails)
    assert (waiting["attempts"], postbox.taken) == (1, [])
    await by_smtp.sender.send_due()  # not yet
    assert (await by_smtp.rows(mails))[0]["attempts"] == 1
    postbox.answer = ""
    by_smtp.clock.advance(FIRST_PAUSE_MS / 1000 + 1)
    await by_smtp.sender.send_due()
    assert (len(postbox.taken), await by_smtp.rows(mails)) == (1, [])


async def test_a_code_that_expired_is_not_sent(by_smtp: Rig, postbox: Postbox) -> None:
    await by_smtp.begin()
    by_smtp.clock.advance(3_700)
    await by_smtp.sender.send_due()
    assert (postbox.taken, await by_smtp.rows(mails)) == ([], [])


async def test_a_refused_address_does_not_hold_up_the_others(by_smtp: Rig, postbox: Postbox) -> None:
    postbox.answer = "550 no such mailbox"
    await by_smtp.begin("nobody@example.org")
    await by_smtp.sender.send_due()
    postbox.answer = ""
    await by_smtp.begin()
    await by_smtp.sender.send_due()
    assert [message["To"] for message in postbox.taken] == [EMAIL]


async def test_waiting_mails_show_no_code(rig: Rig) -> None:
    await rig.begin()
    (row,) = await rig.rows(mails)
    code = (await rig.last_mail()).code
    assert code.encode() not in row["parameters"]


async def test_a_folder_holds_mails_for_their_owner_alone(tmp_path: Path) -> None:
    await FolderMailer(tmp_path / "mail", "a@example.org").send(MAIL)
    (path,) = (tmp_path / "mail").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert EMAIL in path.name
