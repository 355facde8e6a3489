"""What can go wrong with an OAuth 2 server."""

from __future__ import annotations

__all__ = ["LoginDenied", "LoginExpired", "OAuthFailure", "OAuthUnreachable"]


class OAuthFailure(Exception):
    """The server refused, or answered what is none of OAuth 2.

    Attributes:
        error: the code of RFC 6749 or RFC 8628, empty where there is none.
    """

    def __init__(self, message: str, error: str = "") -> None:
        super().__init__(message)
        self.error = error


class OAuthUnreachable(OAuthFailure):
    """No answer, or one that says to come back later."""


class LoginDenied(OAuthFailure):
    """The person turned the program away."""

    def __init__(self) -> None:
        super().__init__("the request was denied", "access_denied")


class LoginExpired(OAuthFailure):
    """Nobody confirmed the code in time."""

    def __init__(self) -> None:
        super().__init__("nobody confirmed the code in time: begin again", "expired_token")
