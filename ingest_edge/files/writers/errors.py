"""What keeps a workout out of a format."""

from __future__ import annotations


class UnsuitableFormat(ValueError):
    """The format cannot carry the activity.

    Attributes:
        format_name: "GPX".
        field: what is missing or in the way, as our contracts name it: "latitude".
        reason: for people, a sentence without its full stop.
        remedy: what to do instead.
    """

    def __init__(self, format_name: str, field: str, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.format_name = format_name
        self.field = field
        self.reason = reason
        self.remedy = remedy
