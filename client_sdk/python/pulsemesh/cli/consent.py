"""`pulsemesh consent`: what one allows, shown, granted, withdrawn; and the receipts."""

from __future__ import annotations

import locale
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from pulsemesh import Client
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_dict, as_json_line, local_time
from pulsemesh.cli.options import json_option
from pulsemesh.cli.session import Session, command
from pulsemesh.consent.v1 import consent_pb2
from pulsemesh.parts.consent import as_purpose, purpose_name
from pulsemesh.policy.v1 import policy_pb2

__all__ = ["consent"]

METHOD = "command line"

_PARTS = (
    ("What", "what"),
    ("Why", "why"),
    ("Who receives it", "who_receives"),
    ("How long", "how_long"),
    ("How to withdraw", "how_to_withdraw"),
    ("Your rights", "your_rights"),
)
_language_option = click.option(
    "--language", "-l", default="", help="Of the texts: en, ru, de, pt-BR; the system's unless given."
)
_purposes_argument = click.argument("purposes", nargs=-1, required=True)


@click.group()
def consent() -> None:
    """What you allow: see it, read the texts, agree, withdraw, keep the receipts."""


@consent.command("list")
@json_option
@command
async def list_consents(session: Session) -> None:
    """List what you allow now, and why or why not."""
    async with session.client() as client:
        held = await client.consent.get()
    if session.as_json:
        for each in held.consents:
            click.echo(as_json_line(as_dict(each)))
        return
    home = held.jurisdiction
    where = f"{home.country}-{home.region}".strip("-") or "not said: pulsemesh consent home COUNTRY"
    session.console.print(f"Home: {where}; rules: {home.rules}; you may agree from {home.age_of_consent} on")
    if not home.may_consent:
        unknown = "Say when you were born: pulsemesh consent home COUNTRY --born YYYY-MM"
        session.console.print("You are too young to agree alone." if home.age_known else unknown)
    table = Table("Purpose", "Allowed", "Because", "Text", "Since", box=None, pad_edge=False)
    for each in held.consents:
        table.add_row(
            purpose_name(each.purpose),
            "yes" if each.granted else "no",
            _reason(each.reason),
            each.text_version,
            local_time(each.changed_at) if each.HasField("changed_at") else "",
        )
    session.console.print(table)


@consent.command("show")
@_purposes_argument
@_language_option
@json_option
@command
async def show(session: Session, *, purposes: Sequence[str], language: str) -> None:
    """Show the whole text of PURPOSES."""
    async with session.client() as client:
        texts = await _texts(client, purposes, language)
    for text in texts:
        _show(session, text)


@consent.command("grant")
@_purposes_argument
@_language_option
@click.option("--yes", "-y", "sure", is_flag=True, help="Do not ask; for scripts of one's own.")
@json_option
@command
async def grant(session: Session, *, purposes: Sequence[str], language: str, sure: bool) -> None:
    """Agree to PURPOSES ("all": everything that is offered). The texts are shown first."""
    async with session.client() as client:
        texts = await _texts(client, purposes, language)
        if not session.as_json:
            for text in texts:
                _show(session, text)
        if not sure:
            _ask(f"Do you agree to: {', '.join(text.title for text in texts)}?")
        granted = await client.consent.grant(texts, collection_method=METHOD)
    _done(session, granted.receipt, "Agreed to")


@consent.command("withdraw")
@_purposes_argument
@click.option("--yes", "-y", "sure", is_flag=True, help="Do not ask.")
@json_option
@command
async def withdraw(session: Session, *, purposes: Sequence[str], sure: bool) -> None:
    """Withdraw PURPOSES: their use ends at once. No reason is needed."""
    named = [as_purpose(purpose) for purpose in purposes]
    async with session.client() as client:
        if not sure:
            for text in await _texts(client, purposes, ""):
                click.echo(f"{text.title}: {text.how_to_withdraw}")
            _ask(f"Withdraw {', '.join(map(purpose_name, named))}?")
        withdrawn = await client.consent.withdraw(*named, collection_method=METHOD)
    _done(session, withdrawn.receipt, "Withdrawn")


@consent.command("home")
@click.argument("country")
@click.option("--region", default="", help="Where it makes a difference: CA in the US.")
@click.option("--born", default="", metavar="YYYY-MM", help="The month of birth; stays once given.")
@json_option
@command
async def home(session: Session, *, country: str, region: str, born: str) -> None:
    """Say where you live (a two-letter COUNTRY) and when you were born: it decides whose rules hold."""
    async with session.client() as client:
        moved = await client.consent.set_jurisdiction(
            country.upper(), region=region.upper(), birth_month=born
        )
    if session.as_json:
        click.echo(as_json_line(as_dict(moved)))
        return
    click.echo(f"The rules that hold: {moved.jurisdiction.rules} ({moved.jurisdiction.law}).")
    if moved.lapsed:
        click.echo(f"To be agreed to again: {', '.join(map(purpose_name, moved.lapsed))}.")


@consent.command("receipts")
@click.option("--export", "target", type=click.Path(path_type=Path), help="Write all of them to a file.")
@click.option("--limit", "-n", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@json_option
@command
async def receipts(session: Session, *, target: Path | None, limit: int) -> None:
    """List your receipts, or write them all, with the keys that prove them, to a file."""
    async with session.client() as client:
        if target is not None:
            written = 0
            with target.open("wb") as file:
                async for chunk in client.consent.export_receipts():
                    written += file.write(chunk)
            verdict = await client.consent.verify_receipts()
            whole = "the chain is whole" if verdict.intact else "; ".join(verdict.findings)
            click.echo(f"Wrote {verdict.receipts} receipts, {written} bytes: {whole}.", err=session.as_json)
            return
        found = [each async for each in client.consent.receipts(limit=limit)]
    if session.as_json:
        for each in found:
            click.echo(as_json_line(as_dict(each)))
        return
    table = Table("No.", "Made", "Kind", "Purposes", "Receipt", box=None, pad_edge=False)
    for each in found:
        kind = consent_pb2.ReceiptKind.Name(each.kind).removeprefix("RECEIPT_KIND_").lower()
        named = ", ".join(map(purpose_name, each.purposes))
        table.add_row(str(each.sequence), local_time(each.made_at), kind, named, each.receipt_id)
    session.console.print(table)


async def _texts(client: Client, purposes: Sequence[str], language: str) -> list[consent_pb2.PurposeText]:
    """Return the texts of purposes by name; of all that are offered for "all"."""
    named = [] if "all" in purposes else [as_purpose(purpose) for purpose in purposes]
    offered = await client.consent.purposes(*named, languages=[language or _system_language()])
    texts = [each.text for each in offered.purposes]
    missing = set(named) - {text.purpose for text in texts} - {policy_pb2.PURPOSE_MARKETING}
    if missing:
        names = ", ".join(map(purpose_name, sorted(missing)))
        raise CommandFailure(f"Not offered where you live: {names}.", Exit.NOT_FOUND)
    return texts


def _system_language() -> str:
    return (locale.getlocale()[0] or "en").replace("_", "-")


def _show(session: Session, text: consent_pb2.PurposeText) -> None:
    if session.as_json:
        click.echo(as_json_line(as_dict(text)))
        return
    click.echo(f"{text.title}  ({purpose_name(text.purpose)}, {text.version}, {text.language})")
    for heading, field in _PARTS:
        click.echo(f"  {heading}: {getattr(text, field)}")
    click.echo()


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise CommandFailure("Nobody is there to confirm.", Exit.USAGE, hint="--yes does not ask")
    if not click.confirm(question):
        raise CommandFailure("Nothing was changed.")


def _done(session: Session, receipt: consent_pb2.Receipt, verb: str) -> None:
    if session.as_json:
        click.echo(as_json_line(as_dict(receipt)))
        return
    click.echo(f"{verb}: {', '.join(map(purpose_name, receipt.purposes))}. Receipt {receipt.receipt_id}.")


def _reason(reason: consent_pb2.DecisionReason.ValueType) -> str:
    return consent_pb2.DecisionReason.Name(reason).removeprefix("DECISION_REASON_").lower().replace("_", " ")
