"""`pulsemesh-server staff …`, as an operator types it on the machine."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.auth.module import module
from services.auth.store import accounts
from services.auth.store.accounts import ACTIVE, Account
from services.chassis.audit import ActFilter, PublicKeys, read_acts, verify
from services.chassis.audit.signing import PUBLIC_KEYS_FILE
from services.chassis.database import open_database
from services.chassis.migrations import upgrade
from services.host.cli import main

EMAIL = "ann@example.org"
USER_ID = "eu_01J0000000000000000000000A"


async def _prepare(folder: Path) -> None:
    database = open_database(f"sqlite:///{folder}", schema="auth")
    assert module.migrations is not None
    await upgrade(database, module.migrations)
    now_ms = time.time_ns() // 1_000_000
    account = Account(USER_ID, EMAIL, None, None, "DE", "de", None, 18, ACTIVE, now_ms, None)
    async with database.write() as transaction:
        await transaction.run(accounts.add, account)
    await database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    asyncio.run(_prepare(tmp_path))
    return tmp_path


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["staff", *words, "--data-dir", str(folder)])


def test_the_first_security_admin_is_made_on_the_machine(folder: Path) -> None:
    result = run(folder, "grant", "Ann@Example.org", "security_admin", "--reason", "first")
    assert (result.exit_code, result.output) == (0, f"{USER_ID} is security_admin\n")
    assert f"{USER_ID}  security_admin" in run(folder, "list").output


def test_the_act_is_in_the_audit_log(folder: Path) -> None:
    run(folder, "grant", EMAIL, "support", "--reason", "helps")
    audit = folder / "audit"
    (act,) = read_acts(audit, ActFilter(user_id=USER_ID))
    assert (act["action"], act["caller_kind"], act["outcome"]) == ("staff.grant_role", "machine", "OK")
    assert verify(audit, PublicKeys.load(audit / PUBLIC_KEYS_FILE)).intact


def test_the_last_security_admin_is_not_removed_on_the_machine_either(folder: Path) -> None:
    run(folder, "grant", EMAIL, "security_admin", "--reason", "first")
    result = run(folder, "revoke", EMAIL, "security_admin", "--reason", "oops")
    assert (result.exit_code, "last security admin" in result.output) == (2, True)


def test_refused_acts_are_in_the_audit_log(folder: Path) -> None:
    assert run(folder, "grant", "nobody@example.org", "support", "--reason", "x").exit_code == 2
    (act,) = read_acts(folder / "audit", ActFilter(action="staff"))
    assert act["outcome"] == "FAILED_PRECONDITION"


@pytest.mark.parametrize("words", [("not an address", "support"), (EMAIL, "king")])
def test_what_does_not_exist_is_refused(folder: Path, words: tuple[str, str]) -> None:
    assert run(folder, "grant", *words, "--reason", "x").exit_code == 2
