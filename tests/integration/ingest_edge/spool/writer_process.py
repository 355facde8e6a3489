"""A process that writes to a spool until it is killed or refused; it reports each append after its return.

Arguments: the folder, then `endless`, or a number of bytes that no file of it may exceed.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from ingest_edge.spool import Spool, SpoolLimits, SpoolRefused, open_spool
from tests.integration.ingest_edge.spool.making import begin, numbered_batch

SOURCES = ("strap/heart_rate", "meter/power", "pod/cadence")


async def write(spool: Spool, recording_id: str, source_id: str) -> None:
    sequence = 0
    count = 1
    while True:
        await spool.append(recording_id, source_id, numbered_batch(sequence, count))
        sequence += count
        count = count % 37 + 1
        print(recording_id, source_id, sequence, flush=True)


async def main() -> None:
    folder, limit = Path(sys.argv[1]), sys.argv[2]
    spool = await open_spool(folder, SpoolLimits(min_free_bytes=0))
    recording_id = await begin(spool, *SOURCES)
    if limit != "endless":
        # From here on writes beyond the limit fail with EFBIG, as they fail on a disk that breaks.
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        await asyncio.gather(*(write(spool, recording_id, source_id) for source_id in SOURCES))
    except SpoolRefused as refused:
        print("refused", type(refused).__name__, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
