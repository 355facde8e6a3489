"""A group's share of the partitions in this process.

Order per subject needs one process per partition and group at a time, so partitions are leased: each process
renews its leases by a heartbeat, takes free ones up to a fair share, and gives up what is beyond it. The
leases of a process that died expire, and their next holder first settles what was left unacknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection

import structlog

from services.chassis.bus.delivery import RetryPolicy
from services.chassis.bus.port import EventHandler
from services.chassis.bus.redis_layout import HEARTBEAT, RELEASE, Layout
from services.chassis.bus.redis_partition import PartitionWorker
from services.chassis.cancellation import end_tasks
from services.chassis.redis_client import DOWN, RedisClient

_log = structlog.get_logger(__name__)


class GroupMember:
    """This process as a member of one group."""

    def __init__(
        self,
        client: RedisClient,
        layout: Layout,
        *,
        member: str,
        group: str,
        types: Collection[str],
        handler: EventHandler,
        policy: RetryPolicy,
        batch: int,
        lease_ttl_s: float,
    ) -> None:
        self._client = client
        self._layout = layout
        self._member = member
        self._group = group
        self._types = frozenset(types)
        self._handler = handler
        self._policy = policy
        self._batch = batch
        self._lease_ttl_s = lease_ttl_s
        self._heartbeat = client.register_script(HEARTBEAT)
        self._release = client.register_script(RELEASE)
        self._workers: dict[int, tuple[PartitionWorker, asyncio.Task[None]]] = {}
        self._renewed_s = 0.0
        self._task = asyncio.create_task(self._run(), name=f"bus-{group}")

    @property
    def partitions(self) -> set[int]:
        """The partitions served here now."""
        return set(self._workers)

    def wake(self, partitions: Collection[int] | None = None) -> None:
        """There may be news in these partitions, or in any when None."""
        for partition, (worker, _) in self._workers.items():
            if partitions is None or partition in partitions:
                worker.wake()

    async def close(self) -> None:
        """Finish the batches that are being handled, give the leases back and leave the group."""
        await end_tasks(self._task)
        await self._give_up(set(self._workers), leave=True)

    async def abandon(self) -> None:
        """Stop at once, as a crash would: the leases stay until they expire."""
        await end_tasks(self._task, *(task for _, task in self._workers.values()))
        self._workers.clear()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._renewed_s = loop.time()
        while True:
            began_s = loop.time()
            try:
                fair, held = await self._beat()
                self._renewed_s = began_s
                await self._reconcile(fair, held)
            except DOWN as error:
                _log.warning("bus_heartbeat_failed", group=self._group, reason=str(error))
            except Exception:  # a member must not fall silent: the next heartbeat tries again
                _log.exception("bus_heartbeat_failed", group=self._group)
            if loop.time() - self._renewed_s > self._lease_ttl_s:
                await self._stop_workers(set(self._workers))  # somebody else may hold them by now
            await asyncio.sleep(self._lease_ttl_s / 4)

    async def _beat(self) -> tuple[int, set[int]]:
        leases = [self._layout.lease(self._group, number) for number in range(self._layout.partitions)]
        keys = [self._layout.members(self._group), *leases]
        fair, held = await self._heartbeat(keys=keys, args=[self._member, int(self._lease_ttl_s * 1000)])
        return int(fair), {int(partition) for partition in held}

    async def _reconcile(self, fair: int, held: set[int]) -> None:
        surplus = set(sorted(held)[fair:])
        lost = set(self._workers) - held
        if lost:
            await self._stop_workers(lost)
        if surplus:
            await self._give_up(surplus, leave=False)
        for partition in held - surplus:
            if partition not in self._workers or self._workers[partition][1].done():
                self._start_worker(partition)

    def _start_worker(self, partition: int) -> None:
        worker = PartitionWorker(
            self._client,
            self._layout,
            partition=partition,
            group=self._group,
            types=self._types,
            handler=self._handler,
            policy=self._policy,
            batch=self._batch,
        )
        task = asyncio.create_task(worker.run(), name=f"bus-{self._group}-p{partition}")
        self._workers[partition] = (worker, task)

    async def _give_up(self, partitions: set[int], *, leave: bool) -> None:
        """Stop the workers first, so that no two processes handle a partition at once."""
        await self._stop_workers(partitions)
        leases = [self._layout.lease(self._group, partition) for partition in sorted(partitions)]
        with contextlib.suppress(*DOWN):
            keys = [self._layout.members(self._group), *leases]
            await self._release(keys=keys, args=[self._member, "1" if leave else "0"])

    async def _stop_workers(self, partitions: set[int]) -> None:
        """End after the current batches; those that take longer than half a lease are rolled back."""
        stopping = [self._workers.pop(partition) for partition in partitions if partition in self._workers]
        if not stopping:
            return
        for worker, _ in stopping:
            worker.stop()
        tasks = [task for _, task in stopping]
        _, late = await asyncio.wait(tasks, timeout=self._lease_ttl_s / 2)
        await end_tasks(*late)
