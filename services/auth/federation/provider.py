"""One outside provider: where people are sent, and what its answers are worth."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from services.auth.federation.errors import ProviderRefused, ProviderUnavailable
from services.auth.federation.id_tokens import Identity, identity_of, key_id_of
from services.auth.federation.metadata import PublishedByProvider, fetch
from services.auth.sign_in_settings import ProviderSettings

CLIENT_SECRET_S = 300
_APPLE = "https://appleid.apple.com"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What binds an answer to its question.

    Attributes:
        nonce: comes back in the ID token.
        verifier: only who has it can exchange the code (PKCE, RFC 7636).
    """

    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @property
    def code_challenge(self) -> str:
        """The part of the verifier that travels first: S256."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class ClientCredentials:
    """How we prove to a provider that we are its client. Files are read each time: secrets are replaced."""

    def __init__(self, settings: ProviderSettings, clock_s: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock_s = clock_s

    def secret(self) -> str | None:
        """What the provider gave us, or a fresh one made by our key; None for a public client.

        Raises:
            OSError, ValueError: the file cannot be used.
        """
        settings = self._settings
        if settings.private_key_file is not None:
            return self._made_by_key(settings.private_key_file.read_bytes())
        if settings.client_secret_file is not None:
            return settings.client_secret_file.read_text().strip()
        return None

    def _made_by_key(self, pem: bytes) -> str:
        """Apple's form of a client secret: a token that we sign ourselves."""
        settings, now_s = self._settings, int(self._clock_s())
        header = {"alg": "ES256", "kid": settings.key_id}
        audience = _APPLE if settings.preset == "apple" else settings.issuer_url
        claims = {
            "iss": settings.team_id,
            "iat": now_s,
            "exp": now_s + CLIENT_SECRET_S,
            "aud": audience,
            "sub": settings.client_id,
        }
        return jwt.encode(header, claims, ECKey.import_key(pem), algorithms=["ES256"])


class Provider:
    """Sends people to a provider, and believes no more of its answers than they prove."""

    def __init__(
        self,
        settings: ProviderSettings,
        client: httpx.AsyncClient,
        *,
        clock_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._client = client
        self._clock_s = clock_s
        self._published = PublishedByProvider(settings, client, monotonic_s)
        self._credentials = ClientCredentials(settings, clock_s)

    async def authorization_url(self, redirect_uri: str, state: str, secrets: Secrets) -> str:
        """Where to send a person.

        Raises:
            ProviderUnavailable: see there.
        """
        metadata = await self._published.metadata()
        parameters = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.settings.asked_scopes),
            "state": state,
            "nonce": secrets.nonce,
            "code_challenge": secrets.code_challenge,
            "code_challenge_method": "S256",
        }
        if self.settings.preset == "apple" and len(self.settings.asked_scopes) > 1:
            parameters["response_mode"] = "form_post"  # Apple takes nothing else with scopes
        parts = urlsplit(metadata.authorization_endpoint)
        query = "&".join(filter(None, (parts.query, urlencode(parameters))))
        return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))

    async def require_own_answer(self, iss: str) -> None:
        """RFC 9207: an answer that says whose it is must be this provider's, and one must say it where the
        provider always does.

        Raises:
            ProviderRefused: it is another's.
        """
        said = bool(iss) or (await self._published.metadata()).sends_iss
        if said and iss != self.settings.issuer_url:
            raise ProviderRefused("another issuer's answer")

    async def identity(self, code: str, redirect_uri: str, secrets: Secrets) -> Identity:
        """Exchange a code for whom it stands for.

        Raises:
            ProviderRefused: the code is void, or what it gave is not to be believed.
            ProviderUnavailable: see there.
        """
        tokens = await self._exchange(code, redirect_uri, secrets)
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token", "")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise ProviderRefused("no ID token")
        keys = await self._published.keys(without=key_id_of(id_token))
        return identity_of(
            id_token,
            self.settings,
            keys,
            nonce=secrets.nonce,
            access_token=access_token,
            now_s=self._clock_s(),
        )

    async def _exchange(self, code: str, redirect_uri: str, secrets: Secrets) -> Mapping[str, Any]:
        metadata = await self._published.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": secrets.verifier,
        }
        headers = {"accept": "application/json"}
        try:
            secret = self._credentials.secret()
        except (OSError, ValueError) as error:
            raise ProviderUnavailable(self.settings.shown_title, "our credentials") from error
        in_body = metadata.secret_in_body or self.settings.private_key_file is not None
        if secret is None or in_body:
            form["client_id"] = self.settings.client_id
        if secret is not None and in_body:
            form["client_secret"] = secret
        elif secret is not None:
            headers["authorization"] = _basic(self.settings.client_id, secret)
        request = self._client.build_request("POST", metadata.token_endpoint, data=form, headers=headers)
        status, answer = await fetch(self._client, request, self.settings.shown_title)
        if status >= 500 or not isinstance(answer, Mapping):
            raise ProviderUnavailable(self.settings.shown_title, f"its token endpoint answers {status}")
        if status != 200:
            raise ProviderRefused("the code is void")
        return answer


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749, section 2.3.1: both parts are form-encoded before they are put together."""
    pair = ":".join(urlencode({"": part})[1:] for part in (client_id, secret))
    return "Basic " + base64.b64encode(pair.encode()).decode()
