"""The texts of mails: every one in every language, whole, and safe as HTML."""

from __future__ import annotations

import pytest

from services.auth.mail.templates import languages, names, written


class Parameters(dict[str, str]):
    """Whatever a mail needs beside what matters here."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


PARAMETERS = Parameters(
    code="123456",
    link="https://example.org/account/verify#pmv_abc",
    minutes="60",
    device='<img src=x onerror="alert(1)"> $code',
    new_email="new@example.org",
)


def test_there_are_english_and_russian() -> None:
    assert {"en", "ru"} <= set(languages())


@pytest.mark.parametrize("language", languages())
def test_every_language_has_every_mail(language: str) -> None:
    assert names(language) == names("en")


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", names())
def test_every_mail_is_whole(name: str, language: str) -> None:
    mail = written(name, language, PARAMETERS)
    for text in (mail.subject, mail.text):
        assert "$" not in text.replace(PARAMETERS["device"], "")
    assert "\n" not in mail.subject
    assert f'lang="{language}"' in mail.html


def test_what_a_person_named_is_no_markup() -> None:
    mail = written("session_stolen", "en", PARAMETERS)
    assert "<img" not in mail.html
    assert "&lt;img" in mail.html


def test_codes_and_links_stand_out() -> None:
    mail = written("verify", "en", PARAMETERS)
    assert "<strong>123456</strong>" in mail.html
    assert f'href="{PARAMETERS["link"]}"' in mail.html


def test_an_unknown_language_is_english() -> None:
    assert written("verify", "tlh", PARAMETERS) == written("verify", "en", PARAMETERS)
