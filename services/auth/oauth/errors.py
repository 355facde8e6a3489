"""What the OAuth 2 endpoints refuse, in the words of RFC 6749, RFC 8628 and RFC 7009."""

from __future__ import annotations

from collections.abc import Mapping


class OAuthError(Exception):
    """An answer of the token endpoint and its like.

    Attributes:
        error: the code of the RFC: "invalid_grant".
        description: for developers, in ASCII without quotes and backslashes, as RFC 6749 wants it.
        status: of HTTP.
        headers: beside those that every answer has.
    """

    def __init__(
        self, error: str, description: str, *, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.headers = dict(headers or {})


class InvalidRequest(OAuthError):
    """A parameter is missing, comes twice, or makes no sense."""

    def __init__(self, description: str, *, status: int = 400) -> None:
        super().__init__("invalid_request", description, status=status)


class InvalidClient(OAuthError):
    """The program is unknown, suspended, or did not prove which one it is; it is not said which."""

    def __init__(self, *, challenged: bool = False) -> None:
        headers = {"www-authenticate": 'Basic realm="pulsemesh", charset="UTF-8"'} if challenged else None
        super().__init__("invalid_client", "unknown client or wrong credentials", status=401, headers=headers)


class InvalidGrant(OAuthError):
    """A code or token that leads nowhere; it is not said why."""

    def __init__(self, description: str = "the grant is wrong, used, or out of date") -> None:
        super().__init__("invalid_grant", description)


class InvalidScope(OAuthError):
    """A scope that does not exist, or that this program may not have."""

    def __init__(
        self, description: str = "an unknown scope, or one beyond what this client may have"
    ) -> None:
        super().__init__("invalid_scope", description)


class UnauthorizedClient(OAuthError):
    """The program may not use this grant."""

    def __init__(self) -> None:
        super().__init__("unauthorized_client", "this client may not use this grant type")


class TooManyAttempts(OAuthError):
    """Guessing is slowed down."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "temporarily_unavailable",
            "too many failed attempts",
            status=429,
            headers={"retry-after": str(max(retry_after_s, 1))},
        )
