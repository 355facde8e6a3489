"""The texts of mails, by language: plain text in files, from which the HTML is made.

A file's first line is the subject. Paragraphs are separated by blank lines; one that is a code or a link
alone stands out in the HTML.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

DEFAULT_LANGUAGE = "en"
_FOLDER = Path(__file__).parent / "templates"
_LINK = re.compile(r"https?://\S+")
_CODE = re.compile(r"[0-9]{6}")
_PAGE = """<!doctype html>
<html lang="$language"><head><meta charset="utf-8"><title>$subject</title></head>
<body style="font-family: sans-serif; line-height: 1.5; max-width: 36em; margin: 2em auto; padding: 0 1em">
$paragraphs
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Text:
    """A mail's words."""

    subject: str
    text: str
    html: str


def languages() -> list[str]:
    """Those in which mails are written."""
    return sorted(folder.name for folder in _FOLDER.iterdir() if folder.is_dir())


def names(language: str = DEFAULT_LANGUAGE) -> list[str]:
    """The mails that there are."""
    return sorted(path.stem for path in (_FOLDER / language).glob("*.txt"))


def written(template: str, language: str, parameters: Mapping[str, str]) -> Text:
    """A mail in a language, else in English.

    Raises:
        KeyError: the template needs a parameter that is not given.
    """
    chosen = language.partition("-")[0].lower()
    if chosen not in languages():
        chosen = DEFAULT_LANGUAGE
    subject, _, body = _template(chosen, template).partition("\n")
    text = Template(body.strip() + "\n").substitute(parameters)
    words = Template(subject).substitute(parameters)
    paragraphs = "\n".join(_paragraph(part) for part in text.strip().split("\n\n"))
    page = Template(_PAGE).substitute(
        language=chosen, subject=html.escape(words), paragraphs=paragraphs.replace("$", "&#36;")
    )
    return Text(words, text, page)


@functools.cache
def _template(language: str, name: str) -> str:
    return (_FOLDER / language / f"{name}.txt").read_text("utf-8")


def _paragraph(text: str) -> str:
    plain = " ".join(text.split())
    escaped = html.escape(plain)
    if _LINK.fullmatch(plain):
        return f'<p><a href="{escaped}">{escaped}</a></p>'
    if _CODE.fullmatch(plain):
        return f'<p style="font-size: 2em; letter-spacing: .2em"><strong>{escaped}</strong></p>'
    return f"<p>{escaped}</p>"
