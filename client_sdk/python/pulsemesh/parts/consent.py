"""What one allows: texts, grants, withdrawals, receipts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import TypeAlias

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.consent.v1 import consent_pb2, consent_service_pb2_grpc
from pulsemesh.consent.v1 import consent_service_pb2 as wire
from pulsemesh.parts.paging import pages
from pulsemesh.policy.v1 import policy_pb2
from pulsemesh.ulid import new_ulid

__all__ = ["Consents", "Purpose", "as_purpose", "purpose_name"]

Purpose: TypeAlias = "policy_pb2.Purpose.ValueType | str"
"""A purpose of the contract, or its name: "health_data"."""


def as_purpose(purpose: Purpose) -> policy_pb2.Purpose.ValueType:
    """Return the purpose of that name. Raises `ValueError` where there is none."""
    if not isinstance(purpose, str):
        return purpose
    try:
        return policy_pb2.Purpose.Value(f"PURPOSE_{purpose.strip().upper().replace('-', '_')}")
    except ValueError:
        raise ValueError(f"there is no purpose {purpose!r}") from None


def purpose_name(purpose: policy_pb2.Purpose.ValueType) -> str:
    """Return the name by which people and commands call a purpose: "health_data"."""
    return policy_pb2.Purpose.Name(purpose).removeprefix("PURPOSE_").lower()


class Consents:
    """The consents of the person who is signed in."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._stub = consent_service_pb2_grpc.ConsentServiceStub(channel.for_stub())

    async def purposes(
        self,
        *purposes: Purpose,
        languages: Sequence[str] = (),
        country: str = "",
        region: str = "",
    ) -> wire.ListPurposesResponse:
        """Return what one may be asked to agree to, with the texts as they hold now.

        `languages` as in Accept-Language, the preferred one first. Where somebody lives matters
        only while the platform does not know it.
        """
        return await self._stub.ListPurposes(
            wire.ListPurposesRequest(
                languages=languages,
                country=country,
                region=region,
                purposes=[as_purpose(purpose) for purpose in purposes],
            )
        )

    async def get(self) -> wire.GetConsentsResponse:
        """Return what is allowed now, and where one lives."""
        return await self._stub.GetConsents(wire.GetConsentsRequest())

    async def grant(
        self,
        texts: Iterable[consent_pb2.PurposeText],
        *,
        collection_method: str = "sdk",
        request_id: str = "",
    ) -> wire.GrantConsentsResponse:
        """Agree to what these texts say: those that were shown, as `purposes` gave them.

        Raises `FailedPrecondition` with the reason CONSENT_TEXT_OUTDATED where a text has changed
        meanwhile, AGE_UNKNOWN or PARENTAL_CONSENT_NEEDED. A call that is sent again grants once.
        """
        shown = [
            wire.ShownText(purpose=text.purpose, version=text.version, language=text.language)
            for text in texts
        ]
        return await self._stub.GrantConsents(
            wire.GrantConsentsRequest(
                texts=shown, collection_method=collection_method, request_id=request_id or new_ulid()
            )
        )

    async def withdraw(
        self, *purposes: Purpose, collection_method: str = "sdk", request_id: str = ""
    ) -> wire.WithdrawConsentsResponse:
        """Take agreements back, or object; holds for every call that begins after this one returned."""
        return await self._stub.WithdrawConsents(
            wire.WithdrawConsentsRequest(
                purposes=[as_purpose(purpose) for purpose in purposes],
                collection_method=collection_method,
                request_id=request_id or new_ulid(),
            )
        )

    async def set_jurisdiction(
        self, country: str, *, region: str = "", birth_month: str = "", request_id: str = ""
    ) -> wire.SetJurisdictionResponse:
        """Say where one lives ("DE", region "CA") and when one was born ("1990-07").

        What was agreed to under other rules is asked for again. The month of birth stays once given.
        """
        return await self._stub.SetJurisdiction(
            wire.SetJurisdictionRequest(
                country=country, region=region, birth_month=birth_month, request_id=request_id or new_ulid()
            )
        )

    async def receipts(
        self, *, limit: int | None = None, page_size: int = 0
    ) -> AsyncGenerator[consent_pb2.Receipt, None]:
        """Give the receipts, the latest first."""

        async def fetch(token: str) -> tuple[Sequence[consent_pb2.Receipt], str]:
            page = await self._stub.ListReceipts(
                wire.ListReceiptsRequest(page_size=page_size, page_token=token)
            )
            return page.receipts, page.next_page_token

        async for receipt in pages(fetch, limit):
            yield receipt

    async def export_receipts(self) -> AsyncGenerator[bytes, None]:
        """Give all receipts as one JSON document, with the keys that prove them, piece by piece."""
        async for response in self._stub.ExportReceipts(wire.ExportReceiptsRequest()):
            yield response.chunk

    async def verify_receipts(self) -> wire.VerifyReceiptsResponse:
        """Have one's receipts checked: signatures, order, and that none is missing."""
        return await self._stub.VerifyReceipts(wire.VerifyReceiptsRequest())
