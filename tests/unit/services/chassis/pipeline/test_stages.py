"""What the pipeline lets pass and what it refuses, stage by stage, through real stubs and a real channel."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from pulsemesh.policy.v1.policy_pb2 import Access, CacheScope, LimitFailure, Purpose
from pulsemesh.workout.v1 import (
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    workout_service_pb2,
    workout_service_pb2_grpc,
)
from services.chassis.audit import AuditRecord
from services.chassis.auth import VerifiedTokens
from services.chassis.call import current_call
from services.chassis.consent import ClosedConsentGate, consent_missing
from services.chassis.database import StoreUnavailable
from services.chassis.inprocess import InProcessChannel
from services.chassis.limits import Decision
from services.chassis.pipeline import PipelinePorts, ServiceCollector
from services.chassis.pipeline.guard import MethodGuard
from services.chassis.pipeline.limiting import Pacer, address_of
from services.chassis.pipeline.shapes import wrap
from services.chassis.policy import CachePolicy, MethodInfo, default_registry
from services.chassis.telemetry import Telemetry
from tests.fixtures.workout_servicers import (
    AUTHORISED,
    MISSING_ID,
    SLOW_ID,
    USER_ID,
    WORKOUT_ID,
    FixedTokens,
    Servicers,
    error_of,
    ports,
)

GET = "/pulsemesh.workout.v1.WorkoutService/GetWorkout"
DELETE = "/pulsemesh.workout.v1.WorkoutService/DeleteWorkout"


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def reason_of(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return str(info.reason)


def metadata_of(error: grpc.aio.AioRpcError) -> dict[str, str]:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    return dict(info.metadata)


class MethodUnderTest:
    """GetWorkout with a policy of the test's choice and a handler of its own, on an in-process channel."""

    def __init__(self, handler: Any, ports_: PipelinePorts, path: str = GET, **policy: Any) -> None:
        info = default_registry().method(path)
        assert info.policy is not None
        info = dataclasses.replace(info, policy=dataclasses.replace(info.policy, **policy))
        assert info.policy is not None
        raw = grpc.unary_unary_rpc_method_handler(
            handler,
            info.request_class.FromString,
            info.response_class.SerializeToString,
        )
        wrapped = wrap(MethodGuard(info, info.policy, ports_), raw)
        self._stub: Any = InProcessChannel({path: wrapped}).unary_unary(
            path, info.request_class.SerializeToString, info.response_class.FromString
        )
        self.info: MethodInfo = info

    def __call__(self, metadata: Any = AUTHORISED, request: Any = None, **options: Any) -> Any:
        message = request or self.info.request_class(workout_id=WORKOUT_ID)
        return self._stub(message, metadata=metadata, **options)


async def answer(_request: Any, _context: Any) -> Any:
    return workout_service_pb2.GetWorkoutResponse()


def stub_of(servicers: Servicers) -> Any:
    return workout_service_pb2_grpc.WorkoutServiceStub(InProcessChannel(servicers.collector.handlers))


def get(workout_id: str = WORKOUT_ID) -> Any:
    return workout_service_pb2.GetWorkoutRequest(workout_id=workout_id)


# Who calls


async def test_credentials_must_be_a_bearer_token() -> None:
    error = await error_of(stub_of(Servicers()).GetWorkout(get(), metadata=(("authorization", "Basic x"),)))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")


async def test_a_wrong_token_is_refused() -> None:
    error = await error_of(stub_of(Servicers()).GetWorkout(get(), metadata=bearer("nobody")))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")


async def test_a_token_is_verified_once_for_many_calls() -> None:
    tokens = FixedTokens()
    stub = stub_of(Servicers(authenticator=tokens))
    for _ in range(5):
        await stub.GetWorkout(get(), metadata=AUTHORISED)
    assert tokens.asked == 1


async def test_a_verified_token_is_verified_again_after_it_expired() -> None:
    now = 1_000.0
    tokens = FixedTokens()
    expiring = VerifiedTokens(_Expiring(tokens, 1_010.0), clock_s=lambda: now)
    await expiring.authenticate("person")
    now = 1_020.0
    await expiring.authenticate("person")
    assert tokens.asked == 2


class _Expiring:
    def __init__(self, inner: FixedTokens, expires_at_s: float) -> None:
        self._inner = inner
        self._expires_at_s = expires_at_s

    async def authenticate(self, token: str) -> Any:
        return dataclasses.replace(await self._inner.authenticate(token), expires_at_s=self._expires_at_s)


async def test_no_more_tokens_are_remembered_than_fit() -> None:
    tokens = FixedTokens()
    remembering = VerifiedTokens(tokens, capacity=1)
    for token in ("person", "device", "person"):
        await remembering.authenticate(token)
    assert tokens.asked == 3


async def test_a_public_method_needs_no_credentials_and_reads_none() -> None:
    tokens = FixedTokens()
    method = MethodUnderTest(
        answer,
        ports(authenticator=tokens),
        access=frozenset({Access.ACCESS_PUBLIC}),
        scopes=frozenset(),
    )
    await method(metadata=bearer("nobody"))
    assert tokens.asked == 0


async def test_a_method_for_all_knows_those_who_say_who_they_are() -> None:
    async def who(_request: Any, _context: Any) -> Any:
        response = workout_service_pb2.GetWorkoutResponse()
        response.workout.title = current_call().principal.user_id
        return response

    method = MethodUnderTest(
        who,
        ports(),
        access=frozenset({Access.ACCESS_PUBLIC, Access.ACCESS_USER}),
        scopes=frozenset(),
    )
    assert (await method()).workout.title == USER_ID
    assert (await method(metadata=())).workout.title == ""


# Who may


async def test_a_device_may_read_where_the_policy_lets_it() -> None:
    await stub_of(Servicers()).GetWorkout(get(), metadata=bearer("device"))


async def test_a_device_may_not_delete() -> None:
    request = workout_service_pb2.DeleteWorkoutRequest(workout_id=WORKOUT_ID)
    error = await error_of(stub_of(Servicers()).DeleteWorkout(request, metadata=bearer("device")))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.PERMISSION_DENIED, "ACCESS_DENIED")


async def test_a_service_is_refused_where_only_people_may() -> None:
    error = await error_of(stub_of(Servicers()).GetWorkout(get(), metadata=bearer("service")))
    assert reason_of(error) == "ACCESS_DENIED"


async def test_a_missing_scope_is_named() -> None:
    request = workout_service_pb2.DeleteWorkoutRequest(workout_id=WORKOUT_ID)
    error = await error_of(stub_of(Servicers()).DeleteWorkout(request, metadata=bearer("reader")))
    assert reason_of(error) == "SCOPE_MISSING"
    assert metadata_of(error)["scopes"] == "workout.write"


async def test_a_person_of_another_cell_is_sent_there() -> None:
    error = await error_of(stub_of(Servicers()).GetWorkout(get(), metadata=bearer("stranger")))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.FAILED_PRECONDITION, "WRONG_CELL")
    assert metadata_of(error) == {"cell": "us", "here": "eu"}


async def test_a_service_acts_for_the_person_it_names() -> None:
    seen: list[str] = []

    async def who(_request: Any, _context: Any) -> Any:
        seen.append(current_call().principal.user_id)
        return workout_service_pb2.GetWorkoutResponse()

    method = MethodUnderTest(who, ports(), access=frozenset({Access.ACCESS_SERVICE}))
    await method(metadata=(*bearer("service"), ("pulsemesh-on-behalf-of", USER_ID)))
    assert seen == [USER_ID]


async def test_a_person_cannot_act_for_another() -> None:
    seen: list[str] = []

    async def who(_request: Any, _context: Any) -> Any:
        seen.append(current_call().principal.user_id)
        return workout_service_pb2.GetWorkoutResponse()

    method = MethodUnderTest(who, ports())
    await method(metadata=(*AUTHORISED, ("pulsemesh-on-behalf-of", "eu_SOMEBODYELSE")))
    assert seen == [USER_ID]


async def test_a_service_acting_for_a_person_of_another_cell_is_sent_there() -> None:
    method = MethodUnderTest(answer, ports(), access=frozenset({Access.ACCESS_SERVICE}))
    error = await error_of(method(metadata=(*bearer("service"), ("pulsemesh-on-behalf-of", "us_1"))))
    assert reason_of(error) == "WRONG_CELL"


@pytest.mark.parametrize(("role", "passes"), [("support", True), ("finance", False)])
async def test_staff_need_one_of_the_roles(role: str, passes: bool) -> None:
    method = MethodUnderTest(
        answer, ports(), access=frozenset({Access.ACCESS_STAFF}), staff_roles=frozenset({role})
    )
    code = await method(metadata=bearer("staff")).code()
    assert code is (grpc.StatusCode.OK if passes else grpc.StatusCode.PERMISSION_DENIED)


# Limits


class FixedLimiter:
    """A limiter that says what it is told, or fails."""

    def __init__(self, wait_s: float = 0.0, error: Exception | None = None) -> None:
        self.keys: list[str] = []
        self._wait_s = wait_s
        self._error = error

    async def take(self, key: str, rate: float, period: float, burst: int) -> Decision:
        self.keys.append(key)
        if self._error is not None:
            raise self._error
        return Decision(self._wait_s == 0.0, self._wait_s)

    async def close(self) -> None:
        pass


async def test_a_call_over_the_limit_is_told_when_to_come_back() -> None:
    error = await error_of(MethodUnderTest(answer, ports(limiter=FixedLimiter(wait_s=1.5)))())
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    retry = error_details_pb2.RetryInfo()
    assert status.details[1].Unpack(retry)
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert retry.retry_delay.ToMilliseconds() == 1500


async def test_callers_are_counted_by_method_and_identity() -> None:
    limiter = FixedLimiter()
    await MethodUnderTest(answer, ports(limiter=limiter))()
    assert limiter.keys == [f"{GET}|{USER_ID}"]


@pytest.mark.parametrize(
    ("on_failure", "code"),
    [
        (LimitFailure.LIMIT_FAILURE_OPEN, grpc.StatusCode.OK),
        (LimitFailure.LIMIT_FAILURE_CLOSED, grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_a_limiter_that_fails_opens_or_closes_as_the_policy_says(on_failure: Any, code: Any) -> None:
    policy = default_registry().method(GET).policy
    assert policy is not None
    assert policy.rate_limit is not None
    limit = dataclasses.replace(policy.rate_limit, on_failure=on_failure)
    method = MethodUnderTest(
        answer, ports(limiter=FixedLimiter(error=ConnectionError("gone"))), rate_limit=limit
    )
    assert await method().code() is code


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.1:5000", "ipv4:10.0.0.1"),
        ("ipv6:[::1]:5000", "ipv6:[::1]"),
        ("unix:/run/x", "unix:/run/x"),
        ("inprocess:", "inprocess:"),
    ],
)
def test_callers_without_identity_are_counted_by_address(peer: str, address: str) -> None:
    assert address_of(peer) == address


async def test_a_pacer_lets_a_second_worth_pass_at_once_and_holds_the_next() -> None:
    pacer = Pacer(50)
    for _ in range(50):
        await asyncio.wait_for(pacer.next(), 1)
    waiting = asyncio.ensure_future(pacer.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    await waiting


# Deadlines


async def test_the_policys_deadline_ends_the_handler_with_a_clear_status() -> None:
    async def dawdle(_request: Any, _context: Any) -> Any:
        await asyncio.sleep(60)

    error = await error_of(MethodUnderTest(dawdle, ports(), deadline_s=0.05)())
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_PASSED")
    assert error.details() == "the call was not done within 0.05 s"


async def test_a_handler_knows_the_time_it_has_left() -> None:
    seen: list[float | None] = []

    async def look(_request: Any, _context: Any) -> Any:
        seen.append(current_call().deadline_s())
        return workout_service_pb2.GetWorkoutResponse()

    await MethodUnderTest(look, ports(), deadline_s=5.0)()
    await MethodUnderTest(look, ports(), deadline_s=5.0)(timeout=2.0)
    assert seen[0] is not None
    assert seen[1] is not None
    assert 4.0 < seen[0] <= 5.0
    assert 1.0 < seen[1] <= 2.0


async def test_a_deadline_that_was_met_leaves_no_timer() -> None:
    method = MethodUnderTest(answer, ports(), deadline_s=0.05)
    await method()
    await asyncio.sleep(0.1)
    assert await method().code() is grpc.StatusCode.OK


# Consents


async def test_a_gate_that_cannot_answer_refuses() -> None:
    method = MethodUnderTest(
        answer, ports(consent=ClosedConsentGate()), consents=frozenset({Purpose.PURPOSE_HEALTH_DATA})
    )
    error = await error_of(method())
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAVAILABLE, "CONSENT_UNAVAILABLE")


async def test_a_missing_consent_is_named() -> None:
    class Refusing:
        async def check(self, user_id: str, purposes: Any) -> None:
            raise consent_missing(purposes)

    method = MethodUnderTest(
        answer, ports(consent=Refusing()), consents=frozenset({Purpose.PURPOSE_HEALTH_DATA})
    )
    error = await error_of(method())
    assert reason_of(error) == "CONSENT_MISSING"
    assert metadata_of(error) == {"purposes": "health_data"}


async def test_a_gate_that_breaks_lets_nobody_in() -> None:
    class Broken:
        async def check(self, user_id: str, purposes: Any) -> None:
            raise RuntimeError("no connection")

    called: list[int] = []

    async def handler(_request: Any, _context: Any) -> Any:
        called.append(1)

    method = MethodUnderTest(
        handler, ports(consent=Broken()), consents=frozenset({Purpose.PURPOSE_HEALTH_DATA})
    )
    error = await error_of(method())
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAVAILABLE, "CONSENT_UNAVAILABLE")
    assert called == []


async def test_a_service_that_names_no_person_cannot_use_a_persons_data() -> None:
    method = MethodUnderTest(
        answer,
        ports(),
        access=frozenset({Access.ACCESS_SERVICE}),
        consents=frozenset({Purpose.PURPOSE_HEALTH_DATA}),
    )
    error = await error_of(method(metadata=bearer("service")))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED


# The cache


class DictCache:
    """Bytes in a dictionary."""

    def __init__(self, error: Exception | None = None) -> None:
        self.values: dict[str, bytes] = {}
        self._error = error

    async def get(self, key: str) -> bytes | None:
        if self._error is not None:
            raise self._error
        return self.values.get(key)

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        if self._error is not None:
            raise self._error
        self.values[key] = value


class Counting:
    """A handler that counts its calls and says who asked."""

    def __init__(self) -> None:
        self.calls = 0

    def handler(self) -> Any:
        async def count(request: Any, _context: Any) -> Any:
            self.calls += 1
            response = workout_service_pb2.GetWorkoutResponse()
            response.workout.title = f"{request.workout_id} {self.calls}"
            return response

        return count


CALLER_CACHE = CachePolicy(60.0, CacheScope.CACHE_SCOPE_CALLER)
SHARED_CACHE = CachePolicy(60.0, CacheScope.CACHE_SCOPE_EVERYONE)


async def test_an_answer_is_given_again_without_asking_the_handler() -> None:
    counting = Counting()
    method = MethodUnderTest(counting.handler(), ports(cache=DictCache()), cache=CALLER_CACHE)
    assert await method() == await method()
    assert counting.calls == 1


async def test_another_request_is_another_answer() -> None:
    counting = Counting()
    method = MethodUnderTest(counting.handler(), ports(cache=DictCache()), cache=CALLER_CACHE)
    await method()
    await method(request=get(MISSING_ID))
    assert counting.calls == 2


@pytest.mark.parametrize(("policy", "calls"), [(CALLER_CACHE, 2), (SHARED_CACHE, 1)])
async def test_answers_are_shared_as_the_policy_says(policy: CachePolicy, calls: int) -> None:
    counting = Counting()
    method = MethodUnderTest(counting.handler(), ports(cache=DictCache()), cache=policy)
    await method(metadata=bearer("person"))
    await method(metadata=bearer("device"))
    assert counting.calls == calls


async def test_a_cached_answer_is_still_refused_to_those_who_may_not() -> None:
    counting = Counting()
    method = MethodUnderTest(counting.handler(), ports(cache=DictCache()), cache=SHARED_CACHE)
    await method()
    error = await error_of(method(metadata=()))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_cache_that_fails_costs_only_the_handlers_time() -> None:
    counting = Counting()
    method = MethodUnderTest(
        counting.handler(), ports(cache=DictCache(ConnectionError("gone"))), cache=CALLER_CACHE
    )
    await method()
    await method()
    assert counting.calls == 2


# Audit, metrics


class ListAudit:
    """Audit records in a list."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []

    def record(self, record: AuditRecord) -> None:
        self.records.append(record)


async def test_an_audited_call_is_recorded_with_its_outcome() -> None:
    audit = ListAudit()
    await MethodUnderTest(answer, ports(audit=audit), audit_action="workout.look")()
    (record,) = audit.records
    assert (record.action, record.user_id, record.outcome) == ("workout.look", USER_ID, "OK")
    assert (record.caller_kind, record.client_id, record.peer) == ("user", "app", "inprocess:")


async def test_a_refused_call_is_recorded_too() -> None:
    audit = ListAudit()
    await error_of(MethodUnderTest(answer, ports(audit=audit), audit_action="workout.look")(metadata=()))
    assert [(record.outcome, record.reason) for record in audit.records] == [
        ("UNAUTHENTICATED", "CREDENTIALS_MISSING")
    ]


async def test_a_call_without_an_audit_policy_is_not_recorded() -> None:
    audit = ListAudit()
    await MethodUnderTest(answer, ports(audit=audit))()
    assert audit.records == []


async def test_every_call_is_counted_by_its_code() -> None:
    telemetry = Telemetry()
    servicers = Servicers(telemetry=telemetry)
    stub = stub_of(servicers)
    await stub.GetWorkout(get(), metadata=AUTHORISED)
    await error_of(stub.GetWorkout(get(MISSING_ID), metadata=AUTHORISED))
    labels = {"service": "pulsemesh.workout.v1.WorkoutService", "method": "GetWorkout"}
    registry = telemetry.metrics.registry
    name = "pulsemesh_rpc_duration_seconds_count"
    assert registry.get_sample_value(name, labels | {"code": "OK"}) == 1
    assert registry.get_sample_value(name, labels | {"code": "NOT_FOUND"}) == 1


# Failures


async def test_a_store_that_is_away_is_unavailable_with_a_pause() -> None:
    async def fail(_request: Any, _context: Any) -> Any:
        raise StoreUnavailable("locked", retry_after=0.5)

    error = await error_of(MethodUnderTest(fail, ports())())
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")


async def test_the_handler_is_never_reached_by_an_invalid_request() -> None:
    counting = Counting()
    method = MethodUnderTest(counting.handler(), ports())
    error = await error_of(method(request=get("short")))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert counting.calls == 0


# Registration


def test_a_servicer_that_is_not_async_is_refused_at_registration() -> None:
    class Sync(workout_service_pb2_grpc.WorkoutServiceServicer):
        def GetWorkout(self, request: Any, context: Any) -> Any:
            return None

    servicer: Any = Sync  # abstract in the stubs, whole at run time
    collector: Any = ServiceCollector(ports())
    with pytest.raises(TypeError, match="must be a coroutine function"):
        workout_service_pb2_grpc.add_WorkoutServiceServicer_to_server(servicer(), collector)


def test_a_stream_that_is_not_a_generator_is_refused_at_registration() -> None:
    class Wrong(workout_service_pb2_grpc.WorkoutServiceServicer):
        async def ReadStreams(self, request: Any, context: Any) -> Any:  # type: ignore[override]
            return None

    servicer: Any = Wrong
    collector: Any = ServiceCollector(ports())
    with pytest.raises(TypeError, match="must be an async generator"):
        workout_service_pb2_grpc.add_WorkoutServiceServicer_to_server(servicer(), collector)


def test_a_service_is_added_once() -> None:
    servicers = Servicers()
    collector: Any = servicers.collector
    with pytest.raises(ValueError, match="added twice"):
        workout_service_pb2_grpc.add_WorkoutServiceServicer_to_server(servicers.workouts, collector)


# Draining


async def test_draining_ends_streams_with_shutting_down() -> None:
    servicers = Servicers()
    stub = stub_of(servicers)
    call = stub.ReadStreams(
        workout_service_pb2.ReadStreamsRequest(workout_id=SLOW_ID, max_samples=1), metadata=AUTHORISED
    )
    await call.read()
    assert await servicers.collector.ports.draining.end_streams(0.0) == 1
    error = await error_of(call.read())
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")


async def test_a_stream_that_heeds_the_notice_is_not_cut_off() -> None:
    class Heeding(ingest_service_pb2_grpc.IngestServiceServicer):
        async def StreamSamples(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
            yield ingest_service_pb2.StreamSamplesResponse()
            await current_call().draining.wait()

    servicer: Any = Heeding
    collector: Any = ServiceCollector(ports())
    ingest_service_pb2_grpc.add_IngestServiceServicer_to_server(servicer(), collector)
    stub: Any = ingest_service_pb2_grpc.IngestServiceStub(InProcessChannel(collector.handlers))
    call = stub.StreamSamples(metadata=AUTHORISED)
    await call.read()
    assert await collector.ports.draining.end_streams(20.0) == 0
    assert await call.code() is grpc.StatusCode.OK


async def test_waiting_for_idle_ends_with_the_last_call() -> None:
    servicers = Servicers()
    stub = stub_of(servicers)
    draining = servicers.collector.ports.draining
    call = stub.GetWorkout(get(SLOW_ID), metadata=AUTHORISED)
    await asyncio.wait_for(servicers.workouts.entered.wait(), 20)
    assert not await draining.wait_idle(0.01)
    waiting = asyncio.ensure_future(draining.wait_idle(20))
    await asyncio.sleep(0)
    call.cancel()
    assert await waiting
