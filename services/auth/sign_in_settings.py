"""What operators may change of the further ways in: passkeys, codes of an app, outside providers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_ISSUERS = {"google": "https://accounts.google.com", "apple": "https://appleid.apple.com"}
ALGORITHMS = frozenset({"RS256", "PS256", "ES256", "ES384", "RS384", "RS512", "PS384", "PS512", "Ed25519"})
"""Signatures that providers may use; never a keyed hash, never none."""


class ProviderSettings(BaseModel):
    """An outside provider.

    Attributes:
        name: in calls and in the database: "google". Once people are linked it stays.
        title: for people.
        preset: "google" and "apple" know their issuer, and that they vouch for addresses.
        issuer: the address under which the discovery document lies; tokens must name it letter for letter.
        client_secret_file: what the provider gave us, in a file.
        private_key_file: Apple's key (PEM, P-256), by which we make client secrets; with team_id and key_id.
        scopes: beside "openid". Apple answers with more than a redirect once it is asked for any.
        vouches_for_addresses: its "email_verified" is believed when somebody signs up. Only for providers
            that check addresses themselves: who is believed here can take a place at other people's
            addresses.
        algorithms: signatures that are taken of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    title: str = Field(default="", max_length=80)
    preset: Literal["generic", "google", "apple"] = "generic"
    issuer: str = ""
    client_id: str = Field(min_length=1, max_length=300)
    client_secret_file: Path | None = None
    private_key_file: Path | None = None
    team_id: str = ""
    key_id: str = ""
    scopes: tuple[str, ...] | None = None
    vouches_for_addresses: bool | None = None
    algorithms: tuple[str, ...] = ("RS256", "ES256")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not is_safe_url(self.issuer_url):
            raise ValueError("issuer must be an https address; http only on this machine")
        if not self.algorithms or not set(self.algorithms) <= ALGORITHMS:
            raise ValueError(f"algorithms must be some of {', '.join(sorted(ALGORITHMS))}")
        by_key = (self.private_key_file is not None, bool(self.team_id), bool(self.key_id))
        if any(by_key) != all(by_key):
            raise ValueError("private_key_file, team_id and key_id belong together")
        if any(by_key) and self.client_secret_file is not None:
            raise ValueError("client_secret_file and private_key_file exclude each other")
        if self.preset == "apple" and not all(by_key):
            raise ValueError("apple needs private_key_file, team_id and key_id")
        return self

    @property
    def issuer_url(self) -> str:
        """The issuer, by preset where it is not said."""
        return self.issuer or _ISSUERS.get(self.preset, "")

    @property
    def shown_title(self) -> str:
        """For people."""
        return self.title or self.name.capitalize()

    @property
    def asked_scopes(self) -> tuple[str, ...]:
        """What we ask for."""
        scopes = self.scopes if self.scopes is not None else ("email",)
        return tuple(dict.fromkeys(("openid", *scopes)))

    @property
    def vouches(self) -> bool:
        """Whether its "email_verified" is believed."""
        known = self.preset != "generic"
        return known if self.vouches_for_addresses is None else self.vouches_for_addresses


class SignInSettings(BaseSettings):
    """Settings of further ways in, from variables that begin with ``PULSEMESH_SIGN_IN_``."""

    model_config = SettingsConfigDict(env_prefix="PULSEMESH_SIGN_IN_", extra="ignore", frozen=True)

    platform_name: str = Field(
        default="Pulsemesh", description="How apps for codes and passkey dialogues call the platform."
    )
    passkey_domain: str = Field(
        default="localhost",
        description="The domain for which passkeys are made (RP ID). Changing it voids all passkeys.",
    )
    passkey_origins: tuple[str, ...] = Field(
        default=("http://localhost:50080",),
        description="Pages and apps that may use them, as a JSON list: the domain or below it, over https.",
    )
    providers: tuple[ProviderSettings, ...] = Field(
        default=(),
        description='Outside providers, as a JSON list: [{"name": "google", "preset": "google", "client_id": '
        '"…", "client_secret_file": "…"}]. See docs/sign-in.md.',
    )
    provider_redirect_uris: tuple[str, ...] = Field(
        default=(),
        description="Where providers may send people back to, as a JSON list; {provider} stands for the "
        "provider's name, and must be there with several providers.",
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for origin in self.passkey_origins:
            host = urlsplit(origin).hostname or ""
            app = origin.startswith(("android:apk-key-hash:", "ios:bundle-id:"))
            at_home = host == self.passkey_domain or host.endswith(f".{self.passkey_domain}")
            if not app and not (is_safe_url(origin) and at_home):
                raise ValueError(f"passkey_origins must be https and at {self.passkey_domain} or below it")
        names = [each.name for each in self.providers]
        issuers = [each.issuer_url for each in self.providers]
        if len(set(names)) < len(names) or len(set(issuers)) < len(issuers):
            raise ValueError("providers must have different names and issuers")
        for uri in self.provider_redirect_uris:
            # RFC 9700, section 4.4: an answer of one provider must not pass for another's.
            if len(names) > 1 and "{provider}" not in uri:
                raise ValueError("provider_redirect_uris must hold {provider} with several providers")
            if not _is_redirect_uri(uri):
                raise ValueError("provider_redirect_uris must be https, or an app's own scheme")
        return self


def is_safe_url(url: str) -> bool:
    """Whether what travels there is protected: https, or this machine."""
    parts = urlsplit(url)
    loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return bool(parts.hostname) and (parts.scheme == "https" or loopback)


def _is_redirect_uri(uri: str) -> bool:
    # RFC 8252, section 7.1: an app's own scheme is a domain name turned around.
    own_scheme = "." in urlsplit(uri).scheme
    return "#" not in uri and (is_safe_url(uri) or own_scheme)
