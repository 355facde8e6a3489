"""Energy, where the device does not tell it."""

from __future__ import annotations

from pulsemesh.type.v1 import sport_pb2

GROSS_EFFICIENCY = 0.24
"""Share of the metabolic energy that arrives at the cranks. Trained cyclists measure 0.20 to 0.25
(Ettema and Loras 2009, "Efficiency in cycling: a review", Eur J Appl Physiol 106:1-14); at 0.24 a kJ of work
costs a kcal."""

_KJ_PER_KCAL = 4.184  # thermochemical calorie

_CRANKED = frozenset({sport_pb2.SPORT_CYCLING})


def energy_of_work_kcal(work_kj: float, sport: int) -> float | None:
    """Metabolic energy of `work_kj` at the cranks of a bicycle; None for other sports."""
    return work_kj / GROSS_EFFICIENCY / _KJ_PER_KCAL if sport in _CRANKED else None
