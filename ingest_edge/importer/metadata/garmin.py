"""What a Garmin account's export tells: `…summarizedActivities.json` and `…gear.json` in DI_CONNECT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest_edge.importer.metadata.hint import Hint

_EARLIEST_MS = 100_000_000_000
"""A smaller number of milliseconds is none: it was seconds, or nothing."""

_SPORTS = {
    "running": "SPORT_RUNNING",
    "cycling": "SPORT_CYCLING",
    "biking": "SPORT_CYCLING",
    "swimming": "SPORT_SWIMMING",
    "walking": "SPORT_WALKING",
    "hiking": "SPORT_HIKING",
    "rowing": "SPORT_ROWING",
    "cross_country_skiing": "SPORT_CROSS_COUNTRY_SKIING",
    "resort_skiing": "SPORT_ALPINE_SKIING",
    "snowboarding": "SPORT_SNOWBOARDING",
    "kayaking": "SPORT_PADDLING",
    "paddling": "SPORT_PADDLING",
    "inline_skating": "SPORT_INLINE_SKATING",
    "skating": "SPORT_ICE_SKATING",
    "strength_training": "SPORT_STRENGTH_TRAINING",
    "fitness_equipment": "SPORT_FITNESS_EQUIPMENT",
    "tennis": "SPORT_TENNIS",
    "soccer": "SPORT_SOCCER",
    "basketball": "SPORT_BASKETBALL",
    "climbing": "SPORT_CLIMBING",
    "multi_sport": "SPORT_MULTISPORT",
}


def activities(document: Any) -> list[Hint]:
    """The activities of a `summarizedActivities.json`, found by their number or their start."""
    return [
        Hint(
            activity_id=_text(activity.get("activityId")),
            start_ms=_moment(activity.get("startTimeGmt")) or _moment(activity.get("beginTimestamp")),
            title=_text(activity.get("name")) or _text(activity.get("activityName")),
            notes=_text(activity.get("description")),
            sport=_sport(activity),
        )
        for activity in _objects(document, "summarizedActivitiesExport")
    ]


def gear(document: Any) -> list[Hint]:
    """The gear of each activity in a `gear.json`, by the activity's number."""
    hints = []
    for part in document if isinstance(document, list) else [document]:
        if not isinstance(part, dict):
            continue
        names = {
            _text(one.get("gearPk")): _text(one.get("displayName")) or _text(one.get("customMakeModel"))
            for one in _dicts(part.get("gearDTOS"))
        }
        links = part.get("gearActivityDTOs")
        for key, uses in links.items() if isinstance(links, dict) else ():
            name = names.get(str(key), "")
            hints += [
                Hint(activity_id=_text(use.get("activityId")), gear=name) for use in _dicts(uses) if name
            ]
    return hints


def _objects(document: Any, name: str) -> Iterator[dict[str, Any]]:
    """The objects of a list, which may be wrapped in an object, and that in a list."""
    for part in document if isinstance(document, list) else [document]:
        if isinstance(part, dict) and name in part:
            yield from _dicts(part[name])
        elif isinstance(part, dict) and "activityId" in part:
            yield part


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    # Numbers of activities come as 123 or as 123.0.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _moment(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _EARLIEST_MS < value < 1e14:
        return 0
    return round(value)


def _sport(activity: dict[str, Any]) -> str:
    for key in ("sportType", "activityType"):
        name = _text(activity.get(key)).lower()
        for known, sport in _SPORTS.items():
            # `trail_running`, `lap_swimming`, `mountain_biking`: the last word says it.
            if name == known or name.endswith(f"_{known}"):
                return sport
    return ""
