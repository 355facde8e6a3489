"""One's rights over one's data: a copy of everything, erasure, restriction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.consent.v1 import rights_pb2, rights_service_pb2_grpc
from pulsemesh.consent.v1 import rights_service_pb2 as wire
from pulsemesh.parts.paging import pages
from pulsemesh.parts.whole_files import whole_file

__all__ = ["Rights"]


class Rights:
    """The rights of the person who is signed in. None of them needs a consent."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._stub = rights_service_pb2_grpc.RightsServiceStub(channel.for_stub())

    async def request_export(self) -> rights_pb2.RightsRequest:
        """Ask for a copy of everything; while one is being made, answers that one."""
        return (await self._stub.RequestExport(wire.RequestExportRequest())).rights_request

    async def request_erasure(self, user_id: str) -> rights_pb2.RightsRequest:
        """Ask for the erasure of everything, the account included. `user_id` must be one's own."""
        request = wire.RequestErasureRequest(confirmation=user_id)
        return (await self._stub.RequestErasure(request)).rights_request

    async def cancel(self, rights_request_id: str) -> rights_pb2.RightsRequest:
        """Take a request back that nobody works on yet."""
        request = wire.CancelRightsRequestRequest(rights_request_id=rights_request_id)
        return (await self._stub.CancelRightsRequest(request)).rights_request

    async def requests(self) -> AsyncGenerator[rights_pb2.RightsRequest, None]:
        """Give every request that was made, the newest first."""

        async def fetch(token: str) -> tuple[Sequence[rights_pb2.RightsRequest], str]:
            page = await self._stub.ListRightsRequests(wire.ListRightsRequestsRequest(page_token=token))
            return page.rights_requests, page.next_page_token

        async for request in pages(fetch, None):
            yield request

    async def report(self, rights_request_id: str) -> rights_pb2.RightsRequest:
        """Return the report of an erasure: every place, and what became of it. Needs no sign-in."""
        request = wire.GetErasureReportRequest(rights_request_id=rights_request_id)
        return (await self._stub.GetErasureReport(request)).rights_request

    async def save_export(self, rights_request_id: str, path: Path | str) -> int:
        """Save the archive of an export that is done, whole or not at all; returns its bytes."""
        request = wire.DownloadExportRequest(rights_request_id=rights_request_id)
        size = 0
        async with whole_file(Path(path)) as part:
            async for answer in self._stub.DownloadExport(request):
                await asyncio.to_thread(part.stream.write, answer.content)
                size += len(answer.content)
        return size

    async def restricted_since(self) -> datetime | None:
        """Return since when one's data is only stored; None: it is used as allowed."""
        page = await self._stub.ListRightsRequests(wire.ListRightsRequestsRequest(page_size=1))
        return page.restricted_at.ToDatetime(tzinfo=UTC) if page.HasField("restricted_at") else None

    async def restrict(self, restricted: bool = True) -> None:
        """Have one's data stored and not used, or used again as allowed."""
        await self._stub.SetRestriction(wire.SetRestrictionRequest(restricted=restricted))
