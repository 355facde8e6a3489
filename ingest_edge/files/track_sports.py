"""Sports as words in GPX (`<type>`) and TCX (`Sport=`), in our terms."""

from __future__ import annotations

import re

_ANY = "SUB_SPORT_UNSPECIFIED"

_SPORTS: dict[str, tuple[str, str]] = {
    "running": ("SPORT_RUNNING", _ANY),
    "run": ("SPORT_RUNNING", _ANY),
    "jogging": ("SPORT_RUNNING", _ANY),
    "trail_running": ("SPORT_RUNNING", "SUB_SPORT_TRAIL"),
    "trail_run": ("SPORT_RUNNING", "SUB_SPORT_TRAIL"),
    "track_running": ("SPORT_RUNNING", "SUB_SPORT_TRACK"),
    "street_running": ("SPORT_RUNNING", "SUB_SPORT_STREET"),
    "treadmill_running": ("SPORT_RUNNING", "SUB_SPORT_TREADMILL"),
    "treadmill": ("SPORT_RUNNING", "SUB_SPORT_TREADMILL"),
    "indoor_running": ("SPORT_RUNNING", "SUB_SPORT_INDOOR_RUNNING"),
    "virtual_run": ("SPORT_RUNNING", "SUB_SPORT_VIRTUAL_ACTIVITY"),
    "cycling": ("SPORT_CYCLING", _ANY),
    "biking": ("SPORT_CYCLING", _ANY),
    "bike": ("SPORT_CYCLING", _ANY),
    "ride": ("SPORT_CYCLING", _ANY),
    "road_biking": ("SPORT_CYCLING", "SUB_SPORT_ROAD"),
    "road_cycling": ("SPORT_CYCLING", "SUB_SPORT_ROAD"),
    "mountain_biking": ("SPORT_CYCLING", "SUB_SPORT_MOUNTAIN"),
    "mountain_bike_ride": ("SPORT_CYCLING", "SUB_SPORT_MOUNTAIN"),
    "gravel_cycling": ("SPORT_CYCLING", "SUB_SPORT_GRAVEL"),
    "gravel_ride": ("SPORT_CYCLING", "SUB_SPORT_GRAVEL"),
    "cyclocross": ("SPORT_CYCLING", "SUB_SPORT_CYCLOCROSS"),
    "indoor_cycling": ("SPORT_CYCLING", "SUB_SPORT_INDOOR_CYCLING"),
    "virtual_ride": ("SPORT_CYCLING", "SUB_SPORT_VIRTUAL_ACTIVITY"),
    "track_cycling": ("SPORT_CYCLING", "SUB_SPORT_TRACK"),
    "e_bike_ride": ("SPORT_E_BIKING", _ANY),
    "e_bike": ("SPORT_E_BIKING", _ANY),
    "e_biking": ("SPORT_E_BIKING", _ANY),
    "swimming": ("SPORT_SWIMMING", _ANY),
    "swim": ("SPORT_SWIMMING", _ANY),
    "lap_swimming": ("SPORT_SWIMMING", "SUB_SPORT_LAP_SWIMMING"),
    "open_water_swimming": ("SPORT_SWIMMING", "SUB_SPORT_OPEN_WATER"),
    "walking": ("SPORT_WALKING", _ANY),
    "walk": ("SPORT_WALKING", _ANY),
    "hiking": ("SPORT_HIKING", _ANY),
    "hike": ("SPORT_HIKING", _ANY),
    "mountaineering": ("SPORT_HIKING", _ANY),
    "rowing": ("SPORT_ROWING", _ANY),
    "indoor_rowing": ("SPORT_ROWING", "SUB_SPORT_INDOOR_ROWING"),
    "cross_country_skiing": ("SPORT_CROSS_COUNTRY_SKIING", _ANY),
    "nordic_ski": ("SPORT_CROSS_COUNTRY_SKIING", _ANY),
    "alpine_skiing": ("SPORT_ALPINE_SKIING", _ANY),
    "alpine_ski": ("SPORT_ALPINE_SKIING", _ANY),
    "resort_skiing_snowboarding": ("SPORT_ALPINE_SKIING", _ANY),
    "snowboarding": ("SPORT_SNOWBOARDING", _ANY),
    "snowboard": ("SPORT_SNOWBOARDING", _ANY),
    "paddling": ("SPORT_PADDLING", _ANY),
    "kayaking": ("SPORT_PADDLING", _ANY),
    "canoeing": ("SPORT_PADDLING", _ANY),
    "stand_up_paddling": ("SPORT_PADDLING", _ANY),
    "inline_skating": ("SPORT_INLINE_SKATING", _ANY),
    "inline_skate": ("SPORT_INLINE_SKATING", _ANY),
    "ice_skating": ("SPORT_ICE_SKATING", _ANY),
    "ice_skate": ("SPORT_ICE_SKATING", _ANY),
    "strength_training": ("SPORT_STRENGTH_TRAINING", _ANY),
    "weight_training": ("SPORT_STRENGTH_TRAINING", _ANY),
    "fitness_equipment": ("SPORT_FITNESS_EQUIPMENT", _ANY),
    "tennis": ("SPORT_TENNIS", _ANY),
    "soccer": ("SPORT_SOCCER", _ANY),
    "basketball": ("SPORT_BASKETBALL", _ANY),
    "climbing": ("SPORT_CLIMBING", _ANY),
    "rock_climbing": ("SPORT_CLIMBING", _ANY),
    "transition": ("SPORT_TRANSITION", _ANY),
    "multisport": ("SPORT_MULTISPORT", _ANY),
    "other": ("SPORT_OTHER", _ANY),
    # Numbers that Strava's GPX files had until 2020.
    "1": ("SPORT_CYCLING", _ANY),
    "4": ("SPORT_HIKING", _ANY),
    "9": ("SPORT_RUNNING", _ANY),
    "10": ("SPORT_WALKING", _ANY),
    "16": ("SPORT_SWIMMING", _ANY),
}

_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_JOINTS = re.compile(r"[\s\-_/]+")


def sport_of_word(word: str | None) -> tuple[str, str]:
    """Sport and sub-sport value names; SPORT_UNSPECIFIED for no word, SPORT_OTHER for one that is unknown.

    `Trail Running`, `trail-running` and `TrailRunning` are one word.
    """
    if word is None or not word.strip():
        return "SPORT_UNSPECIFIED", _ANY
    plain = _JOINTS.sub("_", _HUMPS.sub("_", word.strip()[:64])).lower()
    return _SPORTS.get(plain, ("SPORT_OTHER", _ANY))
