"""Who calls: the principal, the port that finds it, and the adapter that verifies signed tokens."""

from services.chassis.auth.jwks import FileKeys, HttpKeys, JwksAuthenticator, KeySource, SeveralKeys
from services.chassis.auth.port import Authenticator, NobodyAuthenticator, VerifiedTokens
from services.chassis.auth.principal import ANONYMOUS, ON_BEHALF_OF_KEY, Principal, cell_of
from services.chassis.auth.revocation import Revocation, RevocationList

__all__ = [
    "ANONYMOUS",
    "ON_BEHALF_OF_KEY",
    "Authenticator",
    "FileKeys",
    "HttpKeys",
    "JwksAuthenticator",
    "KeySource",
    "NobodyAuthenticator",
    "Principal",
    "Revocation",
    "RevocationList",
    "SeveralKeys",
    "VerifiedTokens",
    "cell_of",
]
