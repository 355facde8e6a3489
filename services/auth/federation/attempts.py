"""Going to a provider and coming back: what binds the two.

- `state` and `attempt` are two secrets. The state travels through the browser and the provider; the attempt
  stays with the client that began. An answer needs both, so one that is slipped to another browser or device
  (login CSRF) leads nowhere, and neither does one that was overheard.
- An attempt is good once, whatever comes of it, and for minutes.
- The code goes to the provider with whom the attempt began, at the redirect URI with which it began: an
  answer of another provider finds another attempt, or none (mix-up).
- Nonce and code verifier are sealed: who reads the database exchanges no code.
"""

from __future__ import annotations

import hmac
import json
import secrets as random_secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pulsemesh.auth.v1.federation_service_pb2 import ProviderAnswer
from services.auth.federation import store
from services.auth.federation.errors import ProviderRefused, ProviderUnknown
from services.auth.federation.id_tokens import Identity
from services.auth.federation.provider import Provider, Secrets
from services.auth.federation.store import Attempt
from services.auth.secret_tokens import fingerprint, new_token
from services.auth.tools import Tools
from services.auth.totp.errors import SignInAttemptOver
from services.auth.vault import SealBroken
from services.chassis.errors import InvalidField

ATTEMPT_PREFIX = "pmf"
LIVES_MS = 10 * 60_000
_LABEL = "provider attempt"


@dataclass(frozen=True, slots=True)
class Started:
    """What the client is told.

    Attributes:
        attempt: names the attempt; the only copy.
    """

    authorization_url: str = field(repr=False)
    attempt: str = field(repr=False)
    expires_ms: int


@dataclass(frozen=True, slots=True)
class CameBack:
    """An answer that is proved."""

    provider: Provider
    identity: Identity
    attempt: Attempt


class Providers:
    """Those that the settings name."""

    def __init__(self, providers: Iterable[Provider], redirect_uris: Iterable[str]) -> None:
        self._by_name: Mapping[str, Provider] = {each.settings.name: each for each in providers}
        self._redirect_uris = tuple(redirect_uris)

    def all(self) -> list[Provider]:
        """In the order of the settings."""
        return list(self._by_name.values())

    @property
    def issuers(self) -> frozenset[str]:
        """Whose links lead somewhere."""
        return frozenset(each.settings.issuer_url for each in self.all())

    def title_of(self, name: str) -> str:
        """What people call a provider, even one that is gone."""
        provider = self._by_name.get(name)
        return name if provider is None else provider.settings.shown_title

    def get(self, name: str) -> Provider:
        """
        Raises:
            ProviderUnknown: the settings name none such.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise ProviderUnknown(name) from None

    def require_redirect_uri(self, provider: str, uri: str) -> None:
        """
        Raises:
            InvalidField: it is not one that the settings allow, letter for letter.
        """
        if uri not in {allowed.replace("{provider}", provider) for allowed in self._redirect_uris}:
            raise InvalidField("redirect_uri", "is not one that the platform allows")


class Attempts:
    """Begins attempts and ends them."""

    def __init__(self, tools: Tools, providers: Providers) -> None:
        self._tools = tools
        self._providers = providers

    async def start(self, provider_name: str, redirect_uri: str, user_id: str | None = None) -> Started:
        """Send a person to a provider.

        Args:
            user_id: who wants to link; None for a sign-in.

        Raises:
            ProviderUnknown, ProviderUnavailable, InvalidField: see there.
        """
        provider = self._providers.get(provider_name)
        self._providers.require_redirect_uri(provider_name, redirect_uri)
        secrets = Secrets(random_secrets.token_urlsafe(32), random_secrets.token_urlsafe(48))
        state, token = random_secrets.token_urlsafe(32), new_token(ATTEMPT_PREFIX)
        url = await provider.authorization_url(redirect_uri, state, secrets)
        plain = json.dumps({"nonce": secrets.nonce, "verifier": secrets.verifier}).encode()
        attempt = Attempt(
            attempt_sha256=fingerprint(token),
            state_sha256=fingerprint(state),
            provider=provider_name,
            redirect_uri=redirect_uri,
            secrets=self._tools.vault.seal(_LABEL, plain),
            user_id=user_id,
            expires_ms=self._tools.clock_ms() + LIVES_MS,
        )
        async with self._tools.database.write() as transaction:
            await transaction.run(store.begin, attempt)
        return Started(url, token, attempt.expires_ms)

    async def finish(self, token: str, answer: ProviderAnswer, user_id: str | None = None) -> CameBack:
        """Whom the provider's answer names.

        Args:
            user_id: whose attempt it must be; None for a sign-in.

        Raises:
            SignInAttemptOver: the attempt was used, is too old, was begun for something else, or never was.
            ProviderRefused, ProviderUnavailable, ProviderUnknown: see there.
        """
        async with self._tools.database.write() as transaction:
            # Taken for good, whatever comes of it.
            attempt = await transaction.run(store.take, fingerprint(token), self._tools.clock_ms())
        if attempt is None or attempt.user_id != user_id:
            raise SignInAttemptOver
        if not hmac.compare_digest(attempt.state_sha256, fingerprint(answer.state)):
            raise ProviderRefused("the answer to another question")
        if answer.redirect_uri != attempt.redirect_uri:
            raise ProviderRefused("an answer that came elsewhere")
        provider = self._providers.get(attempt.provider)
        await provider.require_own_answer(answer.iss)
        if answer.error or not answer.code:
            raise ProviderRefused("it says no")
        identity = await provider.identity(answer.code, attempt.redirect_uri, self._opened(attempt))
        return CameBack(provider, identity, attempt)

    def _opened(self, attempt: Attempt) -> Secrets:
        try:
            opened = json.loads(self._tools.vault.open(_LABEL, attempt.secrets))
        except SealBroken:
            raise SignInAttemptOver from None
        return Secrets(opened["nonce"], opened["verifier"])
