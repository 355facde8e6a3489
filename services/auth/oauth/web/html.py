"""Pages: plain HTML, without a script, that no other page can put into a frame.

Everything that came from outside is escaped here, once; the builders take plain text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from starlette.responses import HTMLResponse, Response

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:3rem auto;padding:0 1rem;color:#1a1a1a}"
    "label{display:block;margin:1rem 0}input{display:block;width:100%;box-sizing:border-box;font:inherit;"
    "padding:.5rem}button{font:inherit;padding:.5rem 1.5rem;margin:.5rem .5rem .5rem 0}"
    ".warning{border-left:.3rem solid #c60;padding:.2rem 1rem;background:#fff6ea}"
    ".problem{color:#a00}.quiet button{border:0;background:none;padding:0;text-decoration:underline}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph; `kind` is "warning" or "problem"."""
    return f"<p{_class(kind)}>{escape(words)}</p>"


def items(words: Iterable[str]) -> str:
    """A list."""
    return "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in words) + "</ul>"


def field(name: str, label: str, *, kind: str = "text", value: str = "", complete: str = "off") -> str:
    """A labelled input."""
    return (
        f'<label>{escape(label)}<input name="{escape(name)}" type="{escape(kind)}" value="{escape(value)}" '
        f'autocomplete="{escape(complete)}" required></label>'
    )


def hidden(name: str, value: str) -> str:
    """An input that nobody sees."""
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def button(action: str, label: str) -> str:
    """A button that sends the form."""
    return f'<button name="action" value="{escape(action)}">{escape(label)}</button>'


def form(address: str, token: str, *parts: str, kind: str = "") -> str:
    """A form that goes to an address of ours.

    Args:
        token: by which we know it again.
        parts: built by the functions above.
    """
    inside = hidden("form_token", token) + "".join(parts)
    return f'<form method="post" action="{escape(address)}"{_class(kind)}>{inside}</form>'


def page(
    title: str, *parts: str, language: str, status: int = 200, form_sources: Iterable[str] = ()
) -> Response:
    """A whole page.

    Args:
        parts: built by the functions above.
        form_sources: to which the answer to a form may lead, beside our own pages: browsers hold redirects
            after a form to the same rule.
    """
    document = (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} · Pulsemesh</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{''.join(parts)}</main></body></html>"
    )
    return HTMLResponse(document, status, headers=_headers(form_sources))


def _class(kind: str) -> str:
    return f' class="{escape(kind)}"' if kind else ""


def _headers(form_sources: Iterable[str]) -> dict[str, str]:
    actions = " ".join(["'self'", *form_sources])
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {actions}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return {
        "content-security-policy": policy,
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        # Not no-referrer: with that, browsers keep silent about where a form came from.
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "publickey-credentials-get=(), camera=(), microphone=(), geolocation=()",
    }
