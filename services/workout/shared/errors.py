"""What the door for others refuses."""

from __future__ import annotations

from services.chassis.errors import NotFound


class SharedNotFound(NotFound):
    """There is nothing of that id that the caller may see: one answer, whatever the cause."""

    def __init__(self, shared_id: str) -> None:
        super().__init__("shared workout", shared_id)
