"""The domains that hold personal data, and what each is asked."""

from __future__ import annotations

import importlib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from pulsemesh.type.v1 import personal_data_pb2
from services.chassis.policy import contract_services

_SERVICE = re.compile(r"pulsemesh\.(\w+)\.v1\.PersonalDataService")

FIRST, LAST = "auth", "consent"
"""Auth ends the sessions before all else; restrictions and refusals hold until the others are done."""


def domains() -> list[str]:
    """The domains whose contracts have a `PersonalDataService`, in the order in which they erase."""
    found = {match[1] for name in contract_services() if (match := _SERVICE.fullmatch(name))}
    return [FIRST, *sorted(found - {FIRST, LAST}), LAST]


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain, asked through its stub."""

    name: str
    channel: Callable[[str], grpc.aio.Channel]

    async def export(self, user_id: str) -> AsyncIterator[tuple[str, bytes]]:
        """Paths within the export, and pieces of their content."""
        messages, stub = self._contract()
        path = ""
        async for answer in stub.ExportPersonalData(messages.ExportPersonalDataRequest(user_id=user_id)):
            if answer.piece.WhichOneof("piece") == "part":
                path = answer.piece.part
                yield path, b""
            else:
                yield path, answer.piece.content

    async def erase(self, user_id: str) -> Sequence[personal_data_pb2.ErasedPlace]:
        """What was there of the person in this and in earlier rounds, and is gone."""
        messages, stub = self._contract()
        answer = await stub.ErasePersonalData(messages.ErasePersonalDataRequest(user_id=user_id))
        return list(answer.places)

    def _contract(self) -> tuple[Any, Any]:
        module = f"pulsemesh.{self.name}.v1.personal_data_service_pb2"
        messages = importlib.import_module(module)
        stubs = importlib.import_module(f"{module}_grpc")
        return messages, stubs.PersonalDataServiceStub(self.channel(self.name))
