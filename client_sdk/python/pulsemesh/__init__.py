"""The Pulsemesh SDK: generated contracts, and a typed client around them.

`connect` gives a client with one part per service; `pulsemesh.sync.connect` the same
without async; `pulsemesh.errors` holds what can go wrong.
"""

from pulsemesh.calls.retry import RetrySettings
from pulsemesh.client import Client, connect
from pulsemesh.credentials import (
    Credentials,
    SessionCredentials,
    SessionTokens,
    StaticToken,
    TokenFile,
    TokenProvider,
)
from pulsemesh.errors import PulsemeshError
from pulsemesh.streams import Series, Streams
from pulsemesh.target import Tls

__all__ = [
    "Client",
    "Credentials",
    "PulsemeshError",
    "RetrySettings",
    "Series",
    "SessionCredentials",
    "SessionTokens",
    "StaticToken",
    "Streams",
    "Tls",
    "TokenFile",
    "TokenProvider",
    "connect",
]
