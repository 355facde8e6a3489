"""FIT's sports and sub-sports in the names of `pulsemesh.type.v1.Sport` and `SubSport`."""

from __future__ import annotations

_SPORTS: dict[int, str] = {
    1: "SPORT_RUNNING",
    2: "SPORT_CYCLING",
    3: "SPORT_TRANSITION",
    4: "SPORT_FITNESS_EQUIPMENT",
    5: "SPORT_SWIMMING",
    6: "SPORT_BASKETBALL",
    7: "SPORT_SOCCER",
    8: "SPORT_TENNIS",
    11: "SPORT_WALKING",
    12: "SPORT_CROSS_COUNTRY_SKIING",
    13: "SPORT_ALPINE_SKIING",
    14: "SPORT_SNOWBOARDING",
    15: "SPORT_ROWING",
    16: "SPORT_HIKING",
    17: "SPORT_HIKING",
    18: "SPORT_MULTISPORT",
    19: "SPORT_PADDLING",
    21: "SPORT_E_BIKING",
    30: "SPORT_INLINE_SKATING",
    31: "SPORT_CLIMBING",
    33: "SPORT_ICE_SKATING",
    37: "SPORT_PADDLING",
    41: "SPORT_PADDLING",
    42: "SPORT_PADDLING",
    88: "SPORT_PADDLING",
}

_SUB_SPORTS: dict[int, str] = {
    0: "SUB_SPORT_UNSPECIFIED",
    1: "SUB_SPORT_TREADMILL",
    2: "SUB_SPORT_STREET",
    3: "SUB_SPORT_TRAIL",
    4: "SUB_SPORT_TRACK",
    5: "SUB_SPORT_INDOOR_CYCLING",
    6: "SUB_SPORT_INDOOR_CYCLING",
    7: "SUB_SPORT_ROAD",
    8: "SUB_SPORT_MOUNTAIN",
    9: "SUB_SPORT_MOUNTAIN",
    11: "SUB_SPORT_CYCLOCROSS",
    13: "SUB_SPORT_TRACK",
    14: "SUB_SPORT_INDOOR_ROWING",
    17: "SUB_SPORT_LAP_SWIMMING",
    18: "SUB_SPORT_OPEN_WATER",
    45: "SUB_SPORT_INDOOR_RUNNING",
    46: "SUB_SPORT_GRAVEL",
    47: "SUB_SPORT_MOUNTAIN",
    58: "SUB_SPORT_VIRTUAL_ACTIVITY",
}

_TRAINING = 10
_STRENGTH_TRAINING = 20


def sport_name(sport: int | None, sub_sport: int | None = None) -> str:
    """The Sport value for a FIT sport; None (the file does not say) is SPORT_UNSPECIFIED."""
    if sport is None:
        return "SPORT_UNSPECIFIED"
    if sport == _TRAINING and sub_sport == _STRENGTH_TRAINING:
        return "SPORT_STRENGTH_TRAINING"
    return _SPORTS.get(sport, "SPORT_OTHER")


def sub_sport_name(sub_sport: int | None) -> str:
    """The SubSport value for a FIT sub-sport; None is SUB_SPORT_UNSPECIFIED."""
    if sub_sport is None:
        return "SUB_SPORT_UNSPECIFIED"
    return _SUB_SPORTS.get(sub_sport, "SUB_SPORT_OTHER")
