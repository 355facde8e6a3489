"""The keys of a cell's bus, and the scripts that touch several (Redis 7.0 and Valkey alike)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are; all keys of a cell share one hash slot, so that scripts may touch several.

    Attributes:
        cell: the cell's name.
        partitions: the number of streams. Fixed once events flow: another number moves subjects to other
            streams, where they could overtake their own earlier events.
    """

    cell: str
    partitions: int

    @property
    def prefix(self) -> str:
        """What every key of the cell's bus begins with."""
        return f"pulsemesh:bus:{{{self.cell}}}"

    def partition_of(self, subject: str) -> int:
        """The partition of a subject: the same in every process and version."""
        return zlib.crc32(subject.encode()) % self.partitions

    def stream(self, partition: int) -> str:
        """The stream that holds a partition's events."""
        return f"{self.prefix}:p{partition}"

    def lease(self, group: str, partition: int) -> str:
        """The key whose value is the process that serves the partition for the group."""
        return f"{self.prefix}:lease:{group}:{partition}"

    def members(self, group: str) -> str:
        """The sorted set of the group's processes by their last heartbeat (server time, ms)."""
        return f"{self.prefix}:members:{group}"

    @property
    def wake_channel(self) -> str:
        """Where publishers say which partitions have something new."""
        return f"{self.prefix}:wake"

    @property
    def unreadable(self) -> str:
        """The stream of entries that are not envelopes, for somebody to look at."""
        return f"{self.prefix}:unreadable"


FIELD: Final = b"e"
"""The field of a stream entry that holds the serialised envelope."""

PUBLISH: Final = """
for i = 3, #ARGV, 2 do
  redis.call('XADD', KEYS[tonumber(ARGV[i])], '*', 'e', ARGV[i + 1])
end
redis.call('PUBLISH', ARGV[1], ARGV[2])
return (#ARGV - 2) / 2
"""
"""KEYS: streams. ARGV: wake channel, partitions with commas, then pairs of a key's index and an envelope."""

HEARTBEAT: Final = """
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local me, ttl = ARGV[1], tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], now_ms, me)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms - ttl)
redis.call('PEXPIRE', KEYS[1], ttl * 10)
local leases = #KEYS - 1
local fair = math.ceil(leases / redis.call('ZCARD', KEYS[1]))
local mine, free = {}, {}
for i = 1, leases do
  local holder = redis.call('GET', KEYS[i + 1])
  if holder == me then
    redis.call('PEXPIRE', KEYS[i + 1], ttl)
    mine[#mine + 1] = i - 1
  elseif not holder then
    free[#free + 1] = i - 1
  end
end
for _, partition in ipairs(free) do
  if #mine >= fair then break end
  redis.call('SET', KEYS[partition + 2], me, 'PX', ttl)
  mine[#mine + 1] = partition
end
return {fair, mine}
"""
"""KEYS: members, then every lease. ARGV: this process, ttl in ms. Renews, takes free leases up to a fair
share, and returns that share and the partitions held, which may be more than fair for a moment."""

RELEASE: Final = """
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) == ARGV[1] then redis.call('DEL', KEYS[i]) end
end
if ARGV[2] == '1' then redis.call('ZREM', KEYS[1], ARGV[1]) end
return 1
"""
"""KEYS: members, then leases to let go. ARGV: this process, 1 to leave the group as well."""
