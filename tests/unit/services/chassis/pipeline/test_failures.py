"""What becomes of errors inside and of requests that are invalid."""

from __future__ import annotations

from typing import Any

import grpc

from services.chassis.database import StoreUnavailable
from tests.fixtures.workout_servicers import (
    error_of,
    ports,
)
from tests.unit.services.chassis.pipeline.under_test import (
    Counting,
    MethodUnderTest,
    get,
    reason_of,
)


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
