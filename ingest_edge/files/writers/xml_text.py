"""Text and times inside XML."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

# XML 1.0 has no way to write these, escaped or not.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def element(name: str, text: str) -> str:
    """`<name>text</name>`, the text escaped and without characters that XML cannot carry."""
    return f"<{name}>{xml_text(text)}</{name}>"


def xml_text(text: str) -> str:
    """Text as the content of an element or, in double quotes, of an attribute."""
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text), {'"': "&quot;", "\r": "&#13;"})
