"""The record of processing, and that every table with personal data is answered for."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis.module import Module
from services.chassis.personal_data import unreachable_tables
from services.host.processing import record_of_processing
from services.host.registry import domain_names, load_modules

MODULES = load_modules(domain_names())
ANSWERED_BY_CODE = {
    # By the person's address, in services/auth/personal_data.py.
    "auth": ["mails", "provider_sign_ups", "sign_ups"],
}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_every_table_with_personal_data_can_be_told_by_person(module: Module) -> None:
    assert unreachable_tables(module.metadata, ANSWERED_BY_CODE.get(module.name, [])) == []


def test_the_page_is_what_the_annotations_say() -> None:
    page = Path(__file__).parents[4] / "docs" / "record-of-processing.md"
    # Made again by: pulsemesh-server processing > docs/record-of-processing.md
    assert page.read_text() == record_of_processing(MODULES) + "\n"
