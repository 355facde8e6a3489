"""What devices are asked for, and whether their answers are that. No database here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import (
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from services.auth.passkeys.errors import PasskeyRefused
from services.auth.passkeys.store import PasskeyRow

TIMEOUT_MS = 5 * 60_000
_MAX_CREDENTIAL_BYTES = 1023


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks for passkeys.

    Attributes:
        rp_id: the domain for which they are made.
        name: for people.
        origins: of the pages and apps that may use them: "https://app.example.org".
    """

    rp_id: str
    name: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MadePasskey:
    """What a device made."""

    verified: VerifiedRegistration
    transports: str

    @property
    def may_be_backed_up(self) -> bool:
        """It may be copied to the person's other devices."""
        return self.verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE


def registration_options(
    party: RelyingParty, challenge: bytes, user_id: str, user_name: str, present: Sequence[PasskeyRow]
) -> str:
    """What `navigator.credentials.create` takes: a key that its device finds by itself, behind a PIN, a
    finger or a face, and not on a device that has one.
    """
    options = generate_registration_options(
        rp_id=party.rp_id,
        rp_name=party.name,
        user_id=user_id.encode(),
        user_name=user_name,
        user_display_name=user_name,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(present),
    )
    return options_to_json(options)


def sign_in_options(
    party: RelyingParty, challenge: bytes, allowed: Sequence[PasskeyRow], *, verify_user: bool
) -> str:
    """What `navigator.credentials.get` takes.

    Args:
        allowed: empty: whichever the device has.
        verify_user: the passkey is the only proof.
    """
    verification = UserVerificationRequirement
    options = generate_authentication_options(
        rp_id=party.rp_id,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=_descriptors(allowed),
        user_verification=verification.REQUIRED if verify_user else verification.PREFERRED,
    )
    return options_to_json(options)


def _descriptors(passkeys: Sequence[PasskeyRow]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=each.credential_id) for each in passkeys]


def made_passkey(party: RelyingParty, challenge: bytes, credential_json: str) -> MadePasskey:
    """What a device made.

    Raises:
        PasskeyRefused: it is not what was asked for.
    """
    try:
        credential = parse_registration_credential_json(credential_json)
        _refuse_frames(credential.response.client_data_json)
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=list(party.origins),
            require_user_verification=True,
        )
        if not 0 < len(verified.credential_id) <= _MAX_CREDENTIAL_BYTES:
            raise PasskeyRefused
    except Exception as error:  # whatever strangers' bytes bring about in a parser is their refusal
        raise PasskeyRefused from error
    transports = sorted(each.value for each in credential.response.transports or [])
    return MadePasskey(verified, " ".join(transports))


def read_credential(credential_json: str) -> AuthenticationCredential:
    """What a device signed, as yet unproved.

    Raises:
        PasskeyRefused: it cannot be read.
    """
    try:
        return parse_authentication_credential_json(credential_json)
    except Exception as error:  # as above
        raise PasskeyRefused from error


def require_signed(
    party: RelyingParty,
    challenge: bytes,
    credential: AuthenticationCredential,
    passkey: PasskeyRow,
    *,
    verify_user: bool,
) -> VerifiedAuthentication:
    """What a device signed, proved by its passkey. The counter is the caller's to compare: only a signature
    makes it worth something.

    Raises:
        PasskeyRefused: it is not what was asked for.
    """
    handle = credential.response.user_handle
    if handle and handle != passkey.user_id.encode():
        raise PasskeyRefused
    try:
        _refuse_frames(credential.response.client_data_json)
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=list(party.origins),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,
            require_user_verification=verify_user,
        )
    except Exception as error:  # as above
        raise PasskeyRefused from error
    multi_device = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    if multi_device != passkey.may_be_backed_up:
        raise PasskeyRefused  # WebAuthn, section 7.2: this never changes in a passkey's life
    return verified


def went_back(passkey: PasskeyRow, sign_count: int) -> bool:
    """Whether the counter says that there are two of the passkey. Synchronised ones do not count."""
    return (sign_count > 0 or passkey.sign_count > 0) and sign_count <= passkey.sign_count


def _refuse_frames(client_data_json: bytes) -> None:
    """A page within somebody else's page never asks for our passkeys."""
    if parse_client_data_json(client_data_json).cross_origin:
        raise PasskeyRefused
