"""What was answered about people, kept while it can be trusted.

An answer is given again only when all of this holds: it is younger than `MAX_AGE_S`; the feed of changes was
heard when it was asked for and has been heard without a break since; and the person's consents have not
changed since it was asked for. Whatever breaks one of these drops the answer at once, so a withdrawal that
was answered is seen by every question that comes after it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass

from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis.cancellation import end_tasks

MAX_AGE_S = 30.0
MAX_PEOPLE = 100_000


@dataclass(frozen=True, slots=True)
class Answer:
    """Every purpose that a person allows.

    Attributes:
        valid_s: for how long, at most.
    """

    granted: frozenset[Purpose.ValueType]
    valid_s: float = MAX_AGE_S


@dataclass(slots=True)
class _Kept:
    granted: frozenset[Purpose.ValueType]
    until_s: float


Load = Callable[[str], Awaitable[Answer]]


class Answers:
    """Keeps answers, and asks once for many who wait for the same one."""

    def __init__(
        self,
        load: Load,
        monotonic_s: Callable[[], float],
        *,
        max_people: int = MAX_PEOPLE,
    ) -> None:
        """
        Args:
            load: asks; its answer is what held at some moment after it was called.
            max_people: beyond it whoever was asked about longest ago is asked about anew.
        """
        self._load = load
        self._monotonic_s = monotonic_s
        self._max_people = max_people
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Answer]] = {}
        self._trusted = False
        self.hits = 0
        self.misses = 0

    def trust(self) -> None:
        """The feed of changes is heard from now on: what is asked for from now on may be kept."""
        self._trusted = True
        self._loading.clear()

    def distrust(self) -> None:
        """The feed is not heard: nothing that was answered counts any more."""
        self._trusted = False
        self._kept.clear()
        self._loading.clear()

    def forget(self, user_id: str) -> None:
        """The person's consents changed. A question that is under way is not joined any more, either."""
        self._kept.pop(user_id, None)
        self._loading.pop(user_id, None)

    def kept(self, user_id: str) -> frozenset[Purpose.ValueType] | None:
        """What the person allows, None where it has to be asked for."""
        kept = self._kept.get(user_id)
        if kept is None or kept.until_s <= self._monotonic_s():
            return None
        self.hits += 1
        return kept.granted

    async def get(self, user_id: str) -> frozenset[Purpose.ValueType]:
        """What the person allows, asked for unless it is kept.

        Raises:
            Exception: what the asking raised, for everyone who waited for it.
        """
        granted = self.kept(user_id)
        if granted is not None:
            return granted
        task = self._loading.get(user_id)
        if task is None:
            self.misses += 1
            # Of nobody's call: it must not end because the first who wanted it went away.
            task = asyncio.get_running_loop().create_task(self._ask(user_id), context=Context())
            task.add_done_callback(_seen)
            self._loading[user_id] = task
        return (await asyncio.shield(task)).granted

    async def _ask(self, user_id: str) -> Answer:
        task = asyncio.current_task()
        asked_s = self._monotonic_s()
        try:
            answer = await self._load(user_id)
        except BaseException:
            if self._loading.get(user_id) is task:
                del self._loading[user_id]
            raise
        # Dropped from `_loading` means that something changed while we asked: the answer may be an old one.
        if self._loading.get(user_id) is task:
            del self._loading[user_id]
            if self._trusted:
                self._keep(user_id, answer, asked_s)
        return answer

    def _keep(self, user_id: str, answer: Answer, asked_s: float) -> None:
        self._kept[user_id] = _Kept(answer.granted, asked_s + min(answer.valid_s, MAX_AGE_S))
        self._kept.move_to_end(user_id)
        while len(self._kept) > self._max_people:
            self._kept.popitem(last=False)

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._loading.values())
        self.distrust()
        await end_tasks(*tasks)


def _seen(task: asyncio.Task[Answer]) -> None:
    """Look at a failure, although everybody who waited for it may have gone."""
    if not task.cancelled():
        task.exception()
