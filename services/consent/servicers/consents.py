"""ConsentService: what people allow."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import grpc

from pulsemesh.consent.v1 import consent_service_pb2 as wire
from pulsemesh.consent.v1 import consent_service_pb2_grpc as stubs
from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis import page_tokens
from services.chassis.call import Call, current_call
from services.chassis.consent import ConsentGate
from services.chassis.database import Database
from services.chassis.errors import AccessDenied, InvalidField, ShuttingDown, Unavailable
from services.consent import exporting, granting, messages, moving, withdrawing
from services.consent.changes import ChangeFeed, Watcher
from services.consent.checking import check
from services.consent.registrar import Origin, Registrar
from services.consent.rules.deciding import Person
from services.consent.rules.jurisdictions import purpose_rules
from services.consent.rules.purposes import DATA_CATEGORIES
from services.consent.rules.texts import negotiate
from services.consent.store import people, receipts, words
from services.consent.verifying import verify

DEFAULT_PAGE = 50

_Context = grpc.aio.ServicerContext[object, object]


class ConsentServicer(stubs.ConsentServiceServicer):
    """See the contract for what each method promises."""

    def __init__(
        self,
        database: Database,
        registrar: Registrar,
        feed: ChangeFeed,
        gate: ConsentGate,
        clock_ms: Callable[[], int],
    ) -> None:
        """
        Args:
            gate: this process' own: what it keeps of a person is forgotten before a change is answered.
        """
        self._database = database
        self._registrar = registrar
        self._decider = registrar.decider
        self._feed = feed
        self._gate = gate
        self._clock_ms = clock_ms

    async def ListPurposes(
        self, request: wire.ListPurposesRequest, context: _Context
    ) -> wire.ListPurposesResponse:
        now_ms, decider = self._clock_ms(), self._decider
        person = await self._whoever(current_call(), request)
        rules = decider.rules(person)
        language = negotiate(request.languages)
        wanted = request.purposes or DATA_CATEGORIES
        return wire.ListPurposesResponse(
            purposes=[
                messages.offered(decider, person, decider.texts.shown(purpose, rules.name, language, now_ms))
                for purpose in wanted
                if purpose_rules(rules, purpose).offered
            ],
            jurisdiction=messages.jurisdiction(decider, person, now_ms),
        )

    async def _whoever(self, call: Call, request: wire.ListPurposesRequest) -> Person:
        """The person who is signed in where their home is known, else somebody who lives where it says."""
        if call.principal.user_id:
            async with self._database.read() as view:
                known = await view.run(people.find, call.principal.user_id)
            if known.person.country or not request.country:
                return known.person
        return Person(request.country, request.region)

    async def GetConsents(
        self, request: wire.GetConsentsRequest, context: _Context
    ) -> wire.GetConsentsResponse:
        user_id, now_ms = current_call().principal.user_id, self._clock_ms()
        async with self._database.read() as view:
            known = await view.run(people.find, user_id)
            said = await view.run(words.of_person, user_id)
        return wire.GetConsentsResponse(
            consents=messages.consents(self._decider, known.person, said, now_ms),
            jurisdiction=messages.jurisdiction(self._decider, known.person, now_ms),
            version=known.person.version,
        )

    async def GrantConsents(
        self, request: wire.GrantConsentsRequest, context: _Context
    ) -> wire.GrantConsentsResponse:
        origin = _origin(current_call(), request.collection_method)
        async with self._database.write() as transaction:
            response = await transaction.run(
                granting.grant, self._registrar, origin, request, self._clock_ms()
            )
            transaction.after_commit(lambda: self._gate.forget(origin.user_id))
        return response

    async def WithdrawConsents(
        self, request: wire.WithdrawConsentsRequest, context: _Context
    ) -> wire.WithdrawConsentsResponse:
        origin = _origin(current_call(), request.collection_method)
        async with self._database.write() as transaction:
            response = await transaction.run(
                withdrawing.withdraw, self._registrar, origin, request, self._clock_ms()
            )
            # On the event loop, after the commit and before the answer: who was told that it is withdrawn can
            # rely on it.
            transaction.after_commit(lambda: self._gate.forget(origin.user_id))
        return response

    async def SetJurisdiction(
        self, request: wire.SetJurisdictionRequest, context: _Context
    ) -> wire.SetJurisdictionResponse:
        origin = _origin(current_call(), "")
        if not origin.user_id:
            raise AccessDenied("say on whose behalf this is called")
        async with self._database.write() as transaction:
            response = await transaction.run(
                moving.set_jurisdiction, self._registrar, origin, request, self._clock_ms()
            )
            transaction.after_commit(lambda: self._gate.forget(origin.user_id))
        return response

    async def ListReceipts(
        self, request: wire.ListReceiptsRequest, context: _Context
    ) -> wire.ListReceiptsResponse:
        user_id, size = current_call().principal.user_id, request.page_size or DEFAULT_PAGE
        scope = ("receipts", user_id)
        position = page_tokens.read(request.page_token, *scope, integers=1)
        before = None if position is None else position[0]
        async with self._database.read() as view:
            links = await view.run(receipts.page, user_id, before, size + 1)
        response = wire.ListReceiptsResponse(receipts=[messages.receipt(link) for link in links[:size]])
        if len(links) > size:
            response.next_page_token = page_tokens.write((links[size - 1].sequence,), *scope)
        return response

    async def ExportReceipts(
        self, request: wire.ExportReceiptsRequest, context: _Context
    ) -> AsyncIterator[wire.ExportReceiptsResponse]:
        user_id = current_call().principal.user_id
        async for chunk in exporting.export(self._database, user_id, self._registrar.keys):
            yield wire.ExportReceiptsResponse(chunk=chunk)

    async def VerifyReceipts(
        self, request: wire.VerifyReceiptsRequest, context: _Context
    ) -> wire.VerifyReceiptsResponse:
        principal = current_call().principal
        user_id = request.user_id or principal.user_id
        if principal.kind == Access.ACCESS_USER and user_id != principal.user_id:
            raise AccessDenied("one's own receipts are checked, nobody else's")
        if not user_id:
            raise InvalidField("user_id", "must say whose receipts are checked")
        verdict = await verify(self._database, user_id, self._registrar.keys.published)
        return wire.VerifyReceiptsResponse(
            intact=not verdict.findings, receipts=verdict.receipts, findings=verdict.findings
        )

    async def Check(self, request: wire.CheckRequest, context: _Context) -> wire.CheckResponse:
        async with self._database.read() as view:
            return await view.run(check, self._decider, request, self._clock_ms())

    async def WatchChanges(
        self, request: wire.WatchChangesRequest, context: _Context
    ) -> AsyncIterator[wire.WatchChangesResponse]:
        draining = current_call().draining
        with self._feed.watch() as watcher:
            yield wire.WatchChangesResponse()
            while not draining.is_set():
                if watcher.overrun:
                    raise Unavailable(0.1, "changes came faster than they were taken: watch again")
                yield await _next(watcher)
        raise ShuttingDown


async def _next(watcher: Watcher) -> wire.WatchChangesResponse:
    """The next batch. While the feed fails there is none, and silence tells the client not to trust us."""
    batch = await watcher.batches.get()
    return wire.WatchChangesResponse(
        changes=[wire.ConsentChange(user_id=change.user_id, version=change.version) for change in batch]
    )


def _origin(call: Call, method: str) -> Origin:
    principal = call.principal
    return Origin(principal.user_id, method or "not said", principal.client_id)
