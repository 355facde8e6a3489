"""Laying one way along another: where along a model each point of a track is.

Each point of the track has as candidates the places on the model that are near, lie in the same direction,
and are nearest on their pass (a model that goes round a lap five times passes a place five times). Among all
sequences of candidates the cheapest that never goes back is taken: it pays for being off to the side, and for
moving by another distance along the model than the track itself moved. A point may also be left out, at a
price: what is not near the model stays unmatched. This is the Viterbi algorithm as it is used for map
matching (Newson and Krumm 2009, "Hidden Markov Map Matching Through Noise and Sparseness"), with one road,
which has a direction; hypotheses far more costly than the best are dropped.

Hence stops, noise and detours do no harm, the opposite direction matches nowhere, and two laps match two
laps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.workout.routes.geometry import Floats, Indices, along_m, headings

NEAR_M = 35.0
"""Two receivers that err by 10 m each, on either side of a wide road."""

_NOISE_M = 10.0
_STRETCH_M = 25.0
_LEFT_OUT = 5.0
_LEAP = 15.0
_BACKWARDS_M = 12.0
_SAME_DIRECTION = 0.3
_PRUNED_BEYOND = 30.0
_MOST_HYPOTHESES = 48
_JOINS_M = 120.0


@dataclass(frozen=True, slots=True)
class Matched:
    """Where along the model the points of a track are.

    Attributes:
        rows: int64, shape (k,): rows of the track that were matched, growing.
        places_m: float64, shape (k,): how far along the model each is, never falling.
        model_share, track_share: how much of the length of either lies along the other, 0 to 1.
    """

    rows: Indices
    places_m: Floats
    model_share: float
    track_share: float


def match(model: Floats, track: Floats, *, near_m: float = NEAR_M) -> Matched:
    """Lay `track` along `model`: polylines on one plane, shape (n, 2), points evenly spaced by 10 to 40 m."""
    model_along, track_along = along_m(model), along_m(track)
    candidates = _Candidates.of(model, model_along, track, near_m)
    rows, places = _straight(candidates)
    if rows is None:
        rows, places = _cheapest(candidates, track_along)
    places = _never_falling(places)
    model_m, track_m = _shared_m(rows, places, model_along, track_along)
    return Matched(rows, places, model_m / float(model_along[-1] or 1), track_m / float(track_along[-1] or 1))


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Places on the model for points of the track, ordered by point, then by place.

    Attributes:
        rows: int64, shape (k,): the point.
        places_m, aside_m: float64, shape (k,): how far along the model, and how far from it.
    """

    rows: Indices
    places_m: Floats
    aside_m: Floats

    @classmethod
    def of(cls, model: Floats, model_along: Floats, track: Floats, near_m: float) -> _Candidates:
        reach = near_m + float(np.median(np.diff(model_along))) if len(model) > 1 else near_m
        row, point = neighbours(track, model, reach)
        along = np.einsum("ij,ij->i", headings(track)[row], headings(model)[point])
        row, point = row[along > _SAME_DIRECTION], point[along > _SAME_DIRECTION]
        places, aside = _onto_edges(model, model_along, track[row], point)
        near = aside <= near_m
        row, point, places, aside = row[near], point[near], places[near], aside[near]
        if not len(row):
            return cls(row, places, aside)
        # One pass of the model is a run of its points; on each run the nearest place counts.
        new_pass = np.concatenate(([True], (np.diff(row) != 0) | (np.diff(point) > 3)))
        passes = np.cumsum(new_pass) - 1
        order = np.lexsort((aside, passes))
        first = order[np.concatenate(([True], np.diff(passes[order]) != 0))]
        return cls(row[first], places[first], aside[first])


def neighbours(points: Floats, others: Floats, reach_m: float) -> tuple[Indices, Indices]:
    """All pairs (row of `points`, row of `others`) that are within `reach_m`, ordered by both; int64,
    (k,)."""
    origin = np.minimum(points.min(axis=0), others.min(axis=0)) - reach_m
    cells = np.floor((others - origin) / reach_m).astype(np.int64)
    width = int(max(cells[:, 0].max(), ((points[:, 0] - origin[0]) // reach_m).max())) + 3
    keys = cells[:, 1] * width + cells[:, 0]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    at = np.floor((points - origin) / reach_m).astype(np.int64)
    pairs_row: list[Indices] = []
    pairs_other: list[Indices] = []
    for north in (-1, 0, 1):
        row_key = (at[:, 1] + north) * width + at[:, 0]
        first = np.searchsorted(keys, row_key - 1, side="left")
        counts = np.searchsorted(keys, row_key + 1, side="right") - first
        rows = np.repeat(np.arange(len(points)), counts)
        offset = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        pairs_row.append(rows)
        pairs_other.append(order[first[rows] + offset])
    row, other = np.concatenate(pairs_row), np.concatenate(pairs_other)
    apart = points[row] - others[other]
    within = np.einsum("ij,ij->i", apart, apart) <= reach_m * reach_m
    row, other = row[within], other[within]
    ordered = np.lexsort((other, row))
    return row[ordered], other[ordered]


def _onto_edges(model: Floats, model_along: Floats, points: Floats, near: Indices) -> tuple[Floats, Floats]:
    """For each point the nearest place on the two edges at the model's point `near`, and how far it is."""
    best_place = model_along[near]
    best_aside = np.hypot(*(points - model[near]).T)
    for first in (near - 1, near):
        start = np.clip(first, 0, len(model) - 2)
        edge = model[start + 1] - model[start]
        square = np.einsum("ij,ij->i", edge, edge)
        share = np.einsum("ij,ij->i", points - model[start], edge) / np.where(square > 0, square, 1)
        share = np.clip(share, 0, 1)
        aside = np.hypot(*(points - model[start] - share[:, None] * edge).T)
        place = model_along[start] + share * np.sqrt(square)
        nearer = aside < best_aside
        best_place = np.where(nearer, place, best_place)
        best_aside = np.where(nearer, aside, best_aside)
    return best_place, best_aside


def _straight(candidates: _Candidates) -> tuple[Indices | None, Floats]:
    """The candidates themselves where there is no choice: one a point, none going back."""
    if len(candidates.rows) and (np.diff(candidates.rows) == 0).any():
        return None, candidates.places_m
    if (np.diff(candidates.places_m) < -_BACKWARDS_M).any():
        return None, candidates.places_m
    return candidates.rows, candidates.places_m


def _cheapest(candidates: _Candidates, track_along: Floats) -> tuple[Indices, Floats]:
    """The sequence of candidates that costs least; see the module."""
    costs = (candidates.aside_m / _NOISE_M) ** 2 / 2
    edges = np.flatnonzero(np.concatenate(([True], np.diff(candidates.rows) != 0, [True])))
    places, rows = candidates.places_m.tolist(), candidates.rows.tolist()
    along, cost_of = track_along.tolist(), costs.tolist()
    came_from = [-1] * len(rows)
    # (cost so far, place, how far the track had come, candidate)
    hypotheses: list[tuple[float, float, float, int]] = []
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        covered = along[rows[first]]
        waiting = [(cost + _LEFT_OUT, place, at, index) for cost, place, at, index in hypotheses]
        for index in range(first, last):
            place = places[index]
            # Whoever begins here has left out what came before.
            best, source = _LEFT_OUT * (rows[first] - rows[0]), -1
            for cost, earlier, at, other in hypotheses:
                moved = place - earlier
                if moved < -_BACKWARDS_M:
                    continue
                stretch = abs(moved - (covered - at)) / _STRETCH_M
                total = cost + (stretch if stretch < _LEAP else _LEAP)
                if total < best:
                    best, source = total, other
            came_from[index] = source
            waiting.append((best + cost_of[index], place, covered, index))
        waiting.sort()
        limit = waiting[0][0] + _PRUNED_BEYOND
        hypotheses = [each for each in waiting[:_MOST_HYPOTHESES] if each[0] <= limit]
    chosen: list[int] = []
    at_last = hypotheses[0][3] if hypotheses else -1
    while at_last >= 0:
        chosen.append(at_last)
        at_last = came_from[at_last]
    kept = np.array(chosen[::-1], np.int64)
    return candidates.rows[kept], candidates.places_m[kept]


def _never_falling(places: NDArray[np.float64]) -> Floats:
    """Between the rising envelopes from both ends: noise is levelled without a bias to either."""
    if not len(places):
        return places
    ahead = np.maximum.accumulate(places)
    behind = np.minimum.accumulate(places[::-1])[::-1]
    return np.asarray((ahead + behind) / 2)


def _shared_m(rows: Indices, places: Floats, model_along: Floats, track_along: Floats) -> tuple[float, float]:
    """How many metres of the model and of the track lie along each other.

    A step from one matched point to the next counts where both moved about as far, and where nothing, or next
    to nothing, lies between them that was not matched: a detour does not cover the model that it avoids, nor
    does the model cover the detour, however alike they are in length.
    """
    if len(places) < 2:
        return 0.0, 0.0
    covered = track_along[rows]
    on_model, on_track = np.diff(places), np.diff(covered)
    alike = np.maximum(on_model, on_track) <= _JOINS_M / 2 + 1.4 * np.minimum(on_model, on_track)
    joined = alike & ((np.diff(rows) == 1) | (on_track <= _JOINS_M))
    ends_model = min(float(places[0]), _JOINS_M / 4) + min(float(model_along[-1] - places[-1]), _JOINS_M / 4)
    ends_track = min(float(covered[0]), _JOINS_M / 4) + min(
        float(track_along[-1] - covered[-1]), _JOINS_M / 4
    )
    return (
        min(float(on_model[joined].sum()) + ends_model, float(model_along[-1])),
        min(float(on_track[joined].sum()) + ends_track, float(track_along[-1])),
    )
