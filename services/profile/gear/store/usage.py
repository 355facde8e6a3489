"""The sums: what was done with gear and components. Always made of the contributions, never kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from services.profile.gear.amounts import Amounts, Usage
from services.profile.tables.gear import gear_contributions as counted
from services.profile.tables.gear import gear_installations as put_on

_SUMS = (
    func.sum(counted.c.distance_cm).label("distance_cm"),
    func.sum(counted.c.duration_ms).label("duration_ms"),
    func.sum(counted.c.elevation_cm).label("elevation_cm"),
    func.sum(counted.c.work_j).label("work_j"),
    func.count().label("workouts"),
    func.min(counted.c.start_ms).label("first_ms"),
    func.max(counted.c.start_ms).label("last_ms"),
)
_WHILE_INSTALLED = and_(
    counted.c.gear_pk == put_on.c.gear_pk,
    counted.c.start_ms >= put_on.c.from_ms,
    or_(put_on.c.until_ms.is_(None), counted.c.start_ms < put_on.c.until_ms),
)


def of_gear(conn: Connection, gear_pks: Collection[int], since_ms: int = 0) -> dict[int, Usage]:
    """From gear (no components) to its usage by workouts that began at `since_ms` or later."""
    rows = conn.execute(
        select(counted.c.gear_pk, *_SUMS)
        .where(counted.c.gear_pk.in_(list(gear_pks)), counted.c.start_ms >= since_ms)
        .group_by(counted.c.gear_pk)
    )
    return {row.gear_pk: _usage(row) for row in rows}


def of_components(conn: Connection, component_pks: Collection[int], since_ms: int = 0) -> dict[int, Usage]:
    """From components to what their gear did while they sat on it."""
    rows = conn.execute(
        select(put_on.c.component_pk, *_SUMS)
        .join(counted, _WHILE_INSTALLED)
        .where(put_on.c.component_pk.in_(list(component_pks)), counted.c.start_ms >= since_ms)
        .group_by(put_on.c.component_pk)
    )
    return {row.component_pk: _usage(row) for row in rows}


def of_installations(conn: Connection, installation_pks: Collection[int]) -> dict[int, Usage]:
    """From installations to what was done in them."""
    rows = conn.execute(
        select(put_on.c.installation_pk, *_SUMS)
        .join(counted, _WHILE_INSTALLED)
        .where(put_on.c.installation_pk.in_(list(installation_pks)))
        .group_by(put_on.c.installation_pk)
    )
    return {row.installation_pk: _usage(row) for row in rows}


def _usage(row: Row[Any]) -> Usage:
    return Usage(Amounts.from_row(row), row.workouts, row.first_ms, row.last_ms)
