"""How far a request is, kept for whoever asks, and for whoever goes on with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
from sqlalchemy import Row

from pulsemesh.consent.v1 import rights_pb2
from pulsemesh.type.v1 import personal_data_pb2 as wire
from services.chassis.database import Database
from services.consent.rights import store

PLATFORM = "platform"
"""Stands for the domain in places that no domain owns."""


class RequestEnded(Exception):
    """The request was taken out of the worker's hands: cancelled, or erased with its person."""


class Progress:
    """One request while it is worked on. What an earlier attempt found is in it from the beginning."""

    def __init__(self, database: Database, row: Row[Any]) -> None:
        self._message = rights_pb2.RightsRequest.FromString(bytes(row.progress))
        self._database = database
        self._request_pk = row.request_pk

    async def exported(self, domain: str, size: int) -> None:
        """A domain handed over its part.

        Raises:
            RequestEnded
        """
        entry = self._of(domain)
        entry.bytes, entry.done, entry.trouble = size, True, ""
        await self.write()

    async def erased(self, domain: str, places: Iterable[wire.ErasedPlace]) -> None:
        """A domain erased its part: these are its places, with all that was ever found there.

        Raises:
            RequestEnded
        """
        for place in places:
            self._place(place).CopyFrom(place)
        entry = self._of(domain)
        entry.done, entry.trouble = True, ""
        await self.write()

    async def erased_more(self, place: wire.ErasedPlace) -> None:
        """At a place of the platform something more was found.

        Raises:
            RequestEnded
        """
        known = self._place(place)
        count = known.count + place.count
        known.CopyFrom(place)
        known.count = count
        await self.write()

    async def failed(self, domain: str, error: Exception) -> None:
        """A domain could not answer.

        Raises:
            RequestEnded
        """
        entry = self._of(domain)
        entry.done, entry.trouble = False, trouble_of(error)
        await self.write()

    async def write(self, **values: Any) -> None:
        """Write it down, with other columns of the request.

        Raises:
            RequestEnded
        """
        self._message.places.sort(key=lambda place: (place.domain, place.place))
        async with self._database.write() as transaction:
            if not await transaction.run(store.note, self._request_pk, self._message, **values):
                raise RequestEnded

    def found(self) -> int:
        """How much was found so far, in all places."""
        return sum(place.count for place in self._message.places)

    def _place(self, place: wire.ErasedPlace) -> wire.ErasedPlace:
        for known in self._message.places:
            if (known.domain, known.place) == (place.domain, place.place):
                return known
        return self._message.places.add(domain=place.domain, place=place.place)

    def _of(self, domain: str) -> rights_pb2.DomainProgress:
        for entry in self._message.domains:
            if entry.domain == domain:
                return entry
        return self._message.domains.add(domain=domain)


def trouble_of(error: Exception) -> str:
    """What is said of a failure: its kind. Its words may name people."""
    code = error.code() if isinstance(error, grpc.RpcError) and hasattr(error, "code") else None
    return str(code.name) if isinstance(code, grpc.StatusCode) else type(error).__name__
