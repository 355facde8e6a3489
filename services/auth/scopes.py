"""Every scope there is: what it lets a program do, in plain words, and which programs may have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token may be allowed.

    Attributes:
        name: as it stands in tokens and policies.
        texts: what a person is told that it allows, by language; always has "en".
        first_party: True for scopes that only the platform's own programs get.
        device: True for scopes that a sensor gateway may have.
    """

    name: str
    texts: Mapping[str, str]
    first_party: bool = False
    device: bool = False

    def text(self, language: str) -> str:
        """The words in a language, else in English."""
        return self.texts.get(language.partition("-")[0].lower(), self.texts["en"])


_ALL = (
    Scope(
        "ingest",
        {
            "en": "Record workouts for you and send files",
            "ru": "Записывать ваши тренировки и отправлять файлы",
        },
        device=True,
    ),
    Scope("workout.read", {"en": "See your workouts", "ru": "Видеть ваши тренировки"}, device=True),
    Scope(
        "workout.write",
        {"en": "Change and delete your workouts", "ru": "Изменять и удалять ваши тренировки"},
    ),
    Scope(
        "profile.read",
        {"en": "See your profile and physiology", "ru": "Видеть ваш профиль и физиологические данные"},
    ),
    Scope(
        "profile.write",
        {
            "en": "Change your profile, physiology and privacy settings",
            "ru": "Изменять ваш профиль, физиологические данные и настройки приватности",
        },
    ),
    Scope("gear.read", {"en": "See your gear", "ru": "Видеть ваше снаряжение"}),
    Scope("gear.write", {"en": "Change your gear", "ru": "Изменять ваше снаряжение"}),
    Scope("consent.read", {"en": "See what you allow", "ru": "Видеть ваши согласия"}),
    Scope(
        "consent.write",
        {
            "en": "Allow and forbid uses of your data for you",
            "ru": "Давать и отзывать согласия от вашего имени",
        },
        first_party=True,
    ),
    Scope(
        "account",
        {
            "en": "Manage your account, password and sessions",
            "ru": "Управлять вашей учётной записью, паролем и сеансами",
        },
        first_party=True,
    ),
    Scope(
        "rights",
        {"en": "Export and erase everything of yours", "ru": "Выгружать и стирать все ваши данные"},
        first_party=True,
    ),
)

SCOPES: Mapping[str, Scope] = {scope.name: scope for scope in _ALL}
"""By name."""

PERSON_SCOPES = frozenset(SCOPES)
"""What a person's own session may do: everything."""

DEVICE_SCOPES = frozenset(scope.name for scope in _ALL if scope.device)
"""What a sensor gateway may do."""

THIRD_PARTY_SCOPES = frozenset(scope.name for scope in _ALL if not scope.first_party)
"""What a person can allow other people's programs."""


class UnknownScopes(ValueError):
    """Scopes that do not exist."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(f"there are no such scopes: {' '.join(sorted(names))}")


def known_scopes(names: Iterable[str]) -> frozenset[str]:
    """The same names.

    Raises:
        UnknownScopes: some are none.
    """
    wanted = frozenset(names)
    if not wanted <= PERSON_SCOPES:
        raise UnknownScopes(wanted - PERSON_SCOPES)
    return wanted
