"""The types of components that there are; the data is in `component_types.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from pulsemesh.profile.v1 import gear_pb2

_KINDS = {
    "bike": gear_pb2.GEAR_KIND_BIKE,
    "shoes": gear_pb2.GEAR_KIND_SHOES,
    "other": gear_pb2.GEAR_KIND_OTHER,
}


@cache
def component_types() -> Mapping[str, gear_pb2.ComponentType]:
    """From a type's code to the type, in the order of the file."""
    text = resources.files(__package__).joinpath("component_types.toml").read_text(encoding="utf-8")
    return {
        code: gear_pb2.ComponentType(
            code=code,
            name=entry["name"],
            fits=[_KINDS[kind] for kind in entry["fits"]],
            usual_distance_m=entry.get("usual_distance_km", 0) * 1000,
            usual_duration_s=entry.get("usual_duration_h", 0) * 3600,
            usual_age_days=entry.get("usual_age_days", 0),
        )
        for code, entry in tomllib.loads(text).items()
    }


def usual_limits(component_type: str) -> dict[int, float]:
    """From a metric to its usual limit in the metric's unit, for those that have one."""
    known = component_types()[component_type]
    limits = {
        gear_pb2.WEAR_METRIC_DISTANCE: known.usual_distance_m,
        gear_pb2.WEAR_METRIC_DURATION: known.usual_duration_s,
        gear_pb2.WEAR_METRIC_AGE: float(known.usual_age_days),
    }
    return {int(metric): limit for metric, limit in limits.items() if limit}
