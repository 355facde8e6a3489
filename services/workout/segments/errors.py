"""What is refused about segments."""

from __future__ import annotations

from services.chassis.errors import NotFound


class SegmentNotFound(NotFound):
    """There is no segment of that id that the caller may see."""

    def __init__(self, segment_id: str) -> None:
        super().__init__("segment", segment_id)
