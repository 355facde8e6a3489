"""Original files, read part by part."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Row

from services.chassis.database import Database
from services.workout.errors import FileNotFound
from services.workout.store import files


async def read_original(database: Database, file: Row[Any]) -> AsyncIterator[bytes]:
    """The content, in parts of at most 1 MiB; no transaction is held between two.

    Raises:
        FileNotFound: it was deleted meanwhile; what came before is not the whole.
    """
    read = ordinal = 0
    while read < file.size_bytes:
        async with database.read() as view:
            content = await view.run(files.part, file.file_id, ordinal)
        if content is None:
            raise FileNotFound(file.file_id)
        yield content
        read += len(content)
        ordinal += 1
