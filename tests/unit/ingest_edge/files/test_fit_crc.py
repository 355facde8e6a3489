from __future__ import annotations

import pytest
from fitparse.records import Crc
from hypothesis import given
from hypothesis import strategies as st

from ingest_edge.files.fit_crc import fit_crc


@given(st.binary(max_size=2000))
def test_crc_of_short_content_equals_that_of_another_implementation(content: bytes) -> None:
    assert fit_crc(content) == Crc.calculate(content)


@pytest.mark.parametrize("size", [65_534, 65_535, 98_301, 98_302, 150_001])
def test_crc_of_folded_content_equals_that_of_another_implementation(size: int) -> None:
    content = bytes((index * 7 + index // 251) & 0xFF for index in range(size))
    assert fit_crc(content) == Crc.calculate(content)


def test_crc_of_a_message_followed_by_its_own_crc_is_zero() -> None:
    content = b".FIT and what follows"
    assert fit_crc(content + fit_crc(content).to_bytes(2, "little")) == 0
