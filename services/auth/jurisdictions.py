"""Which cell serves whom, and from which age a person signs up by themselves.

What may be done with the data afterwards is the consent service's part; this is what is asked at the door.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from services.auth.errors import ServedElsewhere, TooYoung

STRICT_MINIMUM_YEARS = 16
"""Where we know nothing better: the default of Regulation (EU) 2016/679, article 8."""

MINIMUM_YEARS: Mapping[str, int] = {
    # Member states that lowered it, article 8(1), and the EEA.
    **dict.fromkeys(("AT", "BG", "CY", "ES", "IT", "LT"), 14),
    **dict.fromkeys(("CZ", "FR", "GR"), 15),
    **dict.fromkeys(("BE", "EE", "FI", "IS", "LV", "MT", "PT", "SE"), 13),
    # Data Protection Act 2018, section 9.
    "GB": 13,
    # Children's Online Privacy Protection Act, 15 U.S.C. 6501.
    "US": 13,
    # Federal Law 152-FZ with article 26 of the Civil Code.
    "RU": 14,
}
"""Years, by country."""

_EU_AND_NEIGHBOURS = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT"),
    *("LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    *("IS", "LI", "NO", "CH", "GB"),
)
HOME_CELLS: Mapping[str, str] = {
    **dict.fromkeys(_EU_AND_NEIGHBOURS, "eu"),
    "US": "us",
    "BR": "br",
    "RU": "ru",
}
"""Where a country's people live when such a cell exists."""

ONLY_AT_HOME = frozenset({"RU"})
"""Countries whose law wants the data of their people kept there: Federal Law 242-FZ. Nowhere else will do."""


def require_home(country: str, here: str, cells: Mapping[str, str]) -> None:
    """
    Args:
        country: ISO 3166-1 alpha-2.
        here: this cell.
        cells: the other cells that exist, and where they are.

    Raises:
        ServedElsewhere: the country's people live in another cell.
    """
    home = HOME_CELLS.get(country, here)
    if home != here and (home in cells or country in ONLY_AT_HOME):
        raise ServedElsewhere(country, home, here, cells.get(home, ""))


def age_on(birth: date, day: date) -> int:
    """Whole years from birth to a day."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def require_age(country: str, years: int) -> None:
    """
    Raises:
        TooYoung: below the country's age.
    """
    minimum = MINIMUM_YEARS.get(country, STRICT_MINIMUM_YEARS)
    if years < minimum:
        raise TooYoung(minimum)
