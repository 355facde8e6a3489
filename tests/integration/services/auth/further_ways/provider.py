"""An OpenID provider on loopback that answers as a test wants it: honestly, or as an attacker would."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "pulsemesh-client"
CLIENT_SECRET = "s3cret & such"
SUBJECT = "person-1"


@dataclass
class Code:
    """An authorization code and what it was asked for with."""

    asked: dict[str, str]
    claims: dict[str, Any]


@dataclass
class LoopbackProvider:
    """What a test sets to make it dishonest.

    Attributes:
        claims: put over those of an ID token; None drops one.
        sign: makes the ID token of its claims.
        discovery: put over the discovery document.
        answers_iss: RFC 9207.
        served: how often each path was asked for.
    """

    issuer: str = ""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "k1", "use": "sig"}))
    claims: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] | None = None
    discovery: dict[str, Any] = field(default_factory=dict)
    answers_iss: bool = True
    broken: str = ""
    codes: dict[str, Code] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def authorize(self, url: str, subject: str = SUBJECT, **claims: Any) -> dict[str, str]:
        """The person says yes; returns what comes to the redirect URI."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = secrets.token_urlsafe(16)
        self.codes[code] = Code(asked, {"sub": subject} | claims)
        answer = {"redirect_uri": asked["redirect_uri"], "state": asked["state"], "code": code}
        return answer | ({"iss": self.issuer} if self.answers_iss else {})

    def id_token(self, code: Code) -> str:
        now_s = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now_s,
            "exp": now_s + 300,
            "nonce": code.asked["nonce"],
        }
        claims = {k: v for k, v in (claims | code.claims | self.claims).items() if v is not None}
        if self.sign is not None:
            return self.sign(claims)
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/moved", self._discovery),
                Route("/jwks", self._jwks),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    def _count(self, path: str) -> None:
        self.served[path] = self.served.get(path, 0) + 1

    async def _discovery(self, request: Request) -> Response:
        self._count("discovery")
        if self.broken == "redirect" and request.url.path != "/moved":
            return RedirectResponse(f"{self.issuer}/moved")
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_response_iss_parameter_supported": self.answers_iss,
        }
        # Whoever read on, or followed, would find nothing wrong with it.
        filler = {"filler": "x" * 2_000_000} if self.broken == "long" else {}
        return JSONResponse(document | self.discovery | filler)

    async def _jwks(self, _: Request) -> Response:
        self._count("jwks")
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _token(self, request: Request) -> Response:
        """Takes a code once, from the client that has the secret and the verifier."""
        self._count("token")
        form = await request.form()
        given = request.headers.get("authorization", "").removeprefix("Basic ")
        pair = base64.b64decode(given).decode()
        code = self.codes.pop(str(form.get("code")), None)
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        why = ""
        if pair != f"{CLIENT_ID}:s3cret+%26+such":
            why = "client"
        elif code is None:
            why = "code"
        elif challenge != code.asked["code_challenge"] or code.asked["code_challenge_method"] != "S256":
            why = "verifier"
        elif form.get("redirect_uri") != code.asked["redirect_uri"]:
            why = "redirect_uri"
        if why or code is None:
            self.refused.append(why)
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        token = self.id_token(code)
        return JSONResponse({"access_token": "opaque", "token_type": "Bearer", "id_token": token})


@asynccontextmanager
async def running(provider: LoopbackProvider) -> AsyncIterator[LoopbackProvider]:
    """Serve a provider on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    provider.issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(provider.application(), log_level="error", lifespan="off", ws="none")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])  # `serve` would take the signals, and a while to end
    try:
        yield provider
    finally:
        for connection in list(server.server_state.connections):
            connection.shutdown()
        for each in server.servers:
            each.close()
        listener.close()


def settings_json(*providers: tuple[str, str], secret_file: str, **more: Any) -> str:
    """The setting that names these providers."""
    listed = [
        {
            "name": name,
            "issuer": issuer,
            "client_id": CLIENT_ID,
            "client_secret_file": secret_file,
            "vouches_for_addresses": True,
        }
        | more
        for name, issuer in providers
    ]
    return json.dumps(listed)
