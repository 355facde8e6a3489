"""What surrounds every call of one method, compiled once from its policy."""

from __future__ import annotations

import asyncio
import time
from typing import Any, NoReturn

import grpc

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis.audit import AuditRecord
from services.chassis.auth.revocation import RevocationList, SessionRevoked
from services.chassis.call import Call, enter_call
from services.chassis.errors import DeadlinePassed, ShuttingDown
from services.chassis.pipeline import access, limiting
from services.chassis.pipeline.caching import MethodCache
from services.chassis.pipeline.failures import as_platform_error
from services.chassis.pipeline.origins import FORWARDED_FOR
from services.chassis.pipeline.ports import PipelinePorts
from services.chassis.policy.model import MethodInfo, MethodPolicy
from services.chassis.telemetry import Observation

_OK = grpc.StatusCode.OK


class Serving:
    """One call between its arrival and its status."""

    __slots__ = ("call", "code", "expired", "observation", "reason", "task", "timer")

    def __init__(self, call: Call, observation: Observation, task: asyncio.Task[Any]) -> None:
        self.call = call
        self.observation = observation
        self.task = task
        self.timer: asyncio.TimerHandle | None = None
        self.expired = False
        self.code = _OK
        self.reason = ""

    def expire(self) -> None:
        """The deadline passed: end the handler."""
        self.expired = True
        self.task.cancel()


class MethodGuard:
    """Begins, admits and ends the calls of one method.

    Attributes:
        before: stages that need no request: authentication, authorisation, rate limit.
        after: stages that follow the validation of the request: consent.
        cache: None when the policy has none.
    """

    def __init__(self, method: MethodInfo, policy: MethodPolicy, ports: PipelinePorts) -> None:
        self.method = method
        self.policy = policy
        self.before = _present(
            access.authentication(method, policy, ports),
            access.authorisation(policy, ports.cell),
            limiting.rate_limit(method, policy.rate_limit, ports),
        )
        self.after = _present(
            access.consent(policy, ports.consent),
            _enrolment(ports.revocations) if method.streaming else None,
        )
        self.cache = (
            MethodCache(method, policy.cache, ports.cache, cell=ports.cell)
            if policy.cache is not None
            and ports.cache is not None
            and (ports.events_reach_cache or not policy.cache.invalidated_by)
            else None
        )
        self._deadline_s = policy.deadline_s
        self._streaming = method.streaming
        self._draining = ports.draining
        self._origins = ports.origins
        self._observer = ports.telemetry.observer(method)
        self._audit = ports.audit
        self._audit_action = policy.audit_action or f"staff.{method.name}"
        self._audit_everyone = policy.audit_action is not None

    def begin(self, context: Any) -> Serving:
        """A call arrived: make it current, start its clocks."""
        call = Call(
            self.method,
            metadata=context.invocation_metadata() or (),
            peer=context.peer(),
            draining=self._draining.started,
            auth_context=context.auth_context,
        )
        forwarded_for = call.metadata.get(FORWARDED_FOR)
        if forwarded_for is not None:
            call.peer = self._origins.peer(call.peer, forwarded_for)
        enter_call(call)
        task = asyncio.current_task()
        assert task is not None
        serving = Serving(call, self._observer.begin(call), task)
        self._draining.enter(task if self._streaming else None)
        self._arm(serving, context.time_remaining())
        return serving

    def _arm(self, serving: Serving, callers_s: float | None) -> None:
        """Start the policy's deadline unless the caller's, which the transport enforces, comes first."""
        ours_s = self._deadline_s
        if ours_s is not None and (callers_s is None or ours_s < callers_s):
            serving.timer = asyncio.get_running_loop().call_later(ours_s, serving.expire)
            serving.call.limit_to(ours_s)
        elif callers_s is not None:
            serving.call.limit_to(callers_s)

    async def fail(self, serving: Serving, context: Any, error: BaseException) -> NoReturn:
        """End the call with the status that `error` means; never returns."""
        if isinstance(error, asyncio.CancelledError):
            error = self._cancelled(serving, error)
        if isinstance(error, grpc.aio.AbortError):
            serving.code = grpc.StatusCode.UNKNOWN
            raise error
        if not isinstance(error, Exception):
            raise error
        platform_error = as_platform_error(error)
        serving.code = platform_error.code
        serving.reason = ErrorReason.Name(platform_error.reason).removeprefix("ERROR_REASON_")
        await context.abort(
            platform_error.code, platform_error.message, trailing_metadata=platform_error.trailing_metadata()
        )
        raise AssertionError("abort returned")

    def _cancelled(self, serving: Serving, error: asyncio.CancelledError) -> BaseException:
        """Why the handler was cancelled: our deadline, our draining, or the caller."""
        if serving.expired:
            serving.task.uncancel()
            return DeadlinePassed(self._deadline_s or 0.0)
        if serving.call.enrolment is not None and serving.call.enrolment.ended:
            serving.task.uncancel()
            return SessionRevoked()
        if self._draining.was_ended(serving.task):
            serving.task.uncancel()
            return ShuttingDown()
        remaining_s = serving.call.deadline_s()
        late = remaining_s is not None and remaining_s <= 0.0
        serving.code = grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED
        return error

    def end(self, serving: Serving) -> None:
        """Stop the clocks, note the outcome."""
        if serving.timer is not None:
            serving.timer.cancel()
        if serving.call.enrolment is not None:
            serving.call.enrolment.leave()
        self._draining.leave(serving.task if self._streaming else None)
        self._observer.end(serving.call, serving.observation, serving.code, serving.reason)
        if self._audit_everyone or serving.call.principal.kind == Access.ACCESS_STAFF:
            self._audit.record(self._audit_record(serving))

    def _audit_record(self, serving: Serving) -> AuditRecord:
        call = serving.call
        principal = call.principal
        return AuditRecord(
            time_ms=int(time.time() * 1000),
            action=self._audit_action,
            method=self.method.path,
            user_id=principal.user_id,
            caller_kind=Access.Name(principal.kind).removeprefix("ACCESS_").lower(),
            client_id=principal.client_id,
            peer=call.peer,
            request_id=call.request_id,
            outcome=serving.code.name,
            reason=serving.reason,
            roles=tuple(sorted(principal.roles)),
            details=call.audit_details,
        )


def _enrolment(revocations: RevocationList) -> access.Stage:
    """The last stage of a stream: from now on it ends when its caller's session does."""

    async def stage(call: Call) -> None:
        task = asyncio.current_task()
        assert task is not None
        if call.principal.session_id or call.principal.user_id:
            revocations.require_current(call.principal)  # again: stages before this one may have waited
            call.enrolment = revocations.enrol(call.principal, task.cancel)

    return stage


def _present(*stages: access.Stage | None) -> tuple[access.Stage, ...]:
    return tuple(stage for stage in stages if stage is not None)
