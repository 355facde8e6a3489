"""Our names of sports, strokes and lap triggers as FIT's numbers: the inverse of what decoders read.

Where several of FIT's numbers mean one of ours, the plainest is written.
"""

from __future__ import annotations

SPORTS: dict[str, int | None] = {
    "SPORT_UNSPECIFIED": None,
    "SPORT_OTHER": 0,
    "SPORT_RUNNING": 1,
    "SPORT_CYCLING": 2,
    "SPORT_TRANSITION": 3,
    "SPORT_FITNESS_EQUIPMENT": 4,
    "SPORT_SWIMMING": 5,
    "SPORT_BASKETBALL": 6,
    "SPORT_SOCCER": 7,
    "SPORT_TENNIS": 8,
    "SPORT_STRENGTH_TRAINING": 10,
    "SPORT_WALKING": 11,
    "SPORT_CROSS_COUNTRY_SKIING": 12,
    "SPORT_ALPINE_SKIING": 13,
    "SPORT_SNOWBOARDING": 14,
    "SPORT_ROWING": 15,
    "SPORT_HIKING": 17,
    "SPORT_MULTISPORT": 18,
    "SPORT_PADDLING": 19,
    "SPORT_E_BIKING": 21,
    "SPORT_INLINE_SKATING": 30,
    "SPORT_CLIMBING": 31,
    "SPORT_ICE_SKATING": 33,
}

_STRENGTH_TRAINING = 20

SUB_SPORTS: dict[str, int | None] = {
    "SUB_SPORT_UNSPECIFIED": 0,
    "SUB_SPORT_TREADMILL": 1,
    "SUB_SPORT_STREET": 2,
    "SUB_SPORT_TRAIL": 3,
    "SUB_SPORT_TRACK": 4,
    "SUB_SPORT_INDOOR_CYCLING": 6,
    "SUB_SPORT_ROAD": 7,
    "SUB_SPORT_MOUNTAIN": 8,
    "SUB_SPORT_CYCLOCROSS": 11,
    "SUB_SPORT_INDOOR_ROWING": 14,
    "SUB_SPORT_LAP_SWIMMING": 17,
    "SUB_SPORT_OPEN_WATER": 18,
    "SUB_SPORT_INDOOR_RUNNING": 45,
    "SUB_SPORT_GRAVEL": 46,
    "SUB_SPORT_VIRTUAL_ACTIVITY": 58,
    # FIT has no "other"; "all" is what no device writes of itself.
    "SUB_SPORT_OTHER": 254,
}

LAP_TRIGGERS = {
    "manual": 0,
    "time": 1,
    "distance": 2,
    "position_start": 3,
    "position_lap": 4,
    "position_waypoint": 5,
    "position_marked": 6,
    "session_end": 7,
    "fitness_equipment": 8,
}

SWIM_STROKES = {
    "freestyle": 0,
    "backstroke": 1,
    "breaststroke": 2,
    "butterfly": 3,
    "drill": 4,
    "mixed": 5,
    "im": 6,
    "im_by_round": 7,
    "rimo": 8,
}


def sport_codes(sport: str, sub_sport: str) -> tuple[int | None, int | None]:
    """FIT's sport and sub-sport; a sport that does not say is None, one that is unknown is generic."""
    if sport == "SPORT_STRENGTH_TRAINING" and sub_sport == "SUB_SPORT_UNSPECIFIED":
        return SPORTS[sport], _STRENGTH_TRAINING
    return SPORTS.get(sport, 0), SUB_SPORTS.get(sub_sport, 0)
