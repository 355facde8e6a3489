"""What of outside providers is refused, and how it is said."""

from __future__ import annotations

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import FailedPrecondition, NotFound, Unauthenticated, Unavailable


class ProviderUnknown(NotFound):
    """The platform knows no such provider."""

    def __init__(self, provider: str) -> None:
        super().__init__("provider", provider)


class ProviderUnavailable(Unavailable):
    """The provider does not answer, or not as it should; the attempt is lost, another may succeed."""

    def __init__(self, provider: str, why: str) -> None:
        super().__init__(
            message=f"{provider} cannot be asked now: {why}",
            reason=ErrorReason.ERROR_REASON_PROVIDER_UNAVAILABLE,
        )


class ProviderRefused(Unauthenticated):
    """The provider's answer is an error, or is not to be believed."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the provider's answer was refused: {why}", ErrorReason.ERROR_REASON_PROVIDER_REFUSED
        )


class SignInToLink(FailedPrecondition):
    """The address has an account here, which only its owner can link."""

    def __init__(self, title: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_SIGN_IN_TO_LINK,
            f"the address has an account here: sign in to it, and link {title} from there",
        )


class AddressNotProved(FailedPrecondition):
    """The provider does not vouch for an address."""

    def __init__(self, title: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_ADDRESS_NOT_PROVED,
            f"{title} does not vouch for an address: sign up by mail, and link it then",
        )
