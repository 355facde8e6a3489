"""The roles of staff: what each is for, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulsemesh.auth.v1.staff_pb2 import StaffRole


@dataclass(frozen=True, slots=True)
class Role:
    """One role.

    Attributes:
        name: as policies and tokens name it.
        texts: what its holder may do, by language; always has "en".
        for_emergencies: staff may take it themselves, for an hour.
    """

    name: str
    number: StaffRole.ValueType
    texts: Mapping[str, str]
    for_emergencies: bool = True

    def text(self, language: str) -> str:
        """The words in a language, else in English."""
        return self.texts.get(language.partition("-")[0].lower(), self.texts["en"])


SECURITY_ADMIN = "security_admin"

_ALL = (
    Role(
        "support",
        StaffRole.STAFF_ROLE_SUPPORT,
        {
            "en": "Help people with their accounts; see what they would show you",
            "ru": "Помогать людям с их учётными записями; видеть то, что они показали бы вам",
        },
    ),
    Role(
        "moderator",
        StaffRole.STAFF_ROLE_MODERATOR,
        {
            "en": "Decide on what people report of each other",
            "ru": "Решать по жалобам людей друг на друга",
        },
    ),
    Role(
        "content_editor",
        StaffRole.STAFF_ROLE_CONTENT_EDITOR,
        {"en": "Write what the platform publishes", "ru": "Писать то, что публикует платформа"},
    ),
    Role(
        "privacy_officer",
        StaffRole.STAFF_ROLE_PRIVACY_OFFICER,
        {
            "en": "Answer for people's data: consents, exports, erasures",
            "ru": "Отвечать за данные людей: согласия, выгрузки, удаление",
        },
    ),
    Role(
        SECURITY_ADMIN,
        StaffRole.STAFF_ROLE_SECURITY_ADMIN,
        {"en": "Give and take roles", "ru": "Выдавать и отбирать роли"},
        for_emergencies=False,
    ),
    Role(
        "operator",
        StaffRole.STAFF_ROLE_OPERATOR,
        {"en": "Keep the platform running", "ru": "Поддерживать работу платформы"},
    ),
)

ROLES: Mapping[str, Role] = {role.name: role for role in _ALL}
"""By name."""

ROLE_NAMES: Mapping[int, str] = {role.number: role.name for role in _ALL}
"""From the contract's number to the name."""
