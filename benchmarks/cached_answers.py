"""What a cached answer costs beside one that the service makes, by the pipeline's own cache.

The handler does nothing: what it would read from a database comes on top. With an event that invalidates, a
hit looks up the generation too.

Run: python -m benchmarks.cached_answers [--calls 3000]
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import uvloop

from pulsemesh.policy.v1.policy_pb2 import Access, CacheScope
from pulsemesh.workout.v1 import workout_service_pb2 as messages
from services.chassis.auth.principal import Principal
from services.chassis.cache import Cache, open_cache
from services.chassis.call import Call
from services.chassis.pipeline.caching import MethodCache
from services.chassis.policy import CachePolicy, default_registry

REQUEST = messages.GetWorkoutRequest(workout_id="01J00000000000000000000000")
EVENT = frozenset({"pulsemesh.workout.v1.WorkoutUpdated"})


async def hit_us(cache: Cache, policy: CachePolicy, calls: int) -> float:
    """The median of a hit."""
    method = default_registry().method("/pulsemesh.workout.v1.WorkoutService/GetWorkout")
    answers = MethodCache(method, policy, cache, cell="eu")
    call = Call(method, principal=Principal("eu_a", Access.ACCESS_USER))
    made = messages.GetWorkoutResponse()
    made.workout.title = "x" * 1_000

    async def handler(_request: Any) -> Any:
        return made

    await answers.answer(call, REQUEST, handler)
    taken = []
    for _ in range(calls):
        began = time.perf_counter()
        await answers.answer(call, REQUEST, handler)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e6


async def run(calls: int, redis_url: str) -> None:
    for name, url in (("memory", "memory://"), ("redis", redis_url)):
        cache = open_cache(url)
        for what, events in (("by lifetime alone", frozenset[str]()), ("ended by events too", EVENT)):
            policy = CachePolicy(600.0, CacheScope.CACHE_SCOPE_CALLER, events)
            print(f"{name:<8}{what:<22}{await hit_us(cache, policy, calls):8.1f} us a hit")
        await cache.close()


def main(argv: list[str] | None = None) -> None:
    from tests.fixtures.valkey import start_valkey

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=3_000)
    options = parser.parse_args(argv)
    server = start_valkey()
    try:
        uvloop.run(run(options.calls, server.url))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
