"""Where workouts went, and which of them went the same way."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
)

from services.workout.tables.base import NONE, ROW_ID, holds, metadata
from services.workout.tables.recordings import workouts

# Workouts of one athlete and sport on the same way, in the same direction. Its course is its model's.
routes = Table(
    "routes",
    metadata,
    Column("route_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    Column("route_id", String(26), nullable=False, unique=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column("sport", SmallInteger, nullable=False, **NONE),
    Column("length_m", Float, nullable=False, **NONE),
    # The workout that the others are held against; another takes its place when it goes.
    Column("model_pk", BigInteger, nullable=False, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Index("routes_by_user", "user_id", "sport", "length_m"),
)

# The cells of the ground near a route's course, at the one or two sizes that fit its length.
route_cells = Table(
    "route_cells",
    metadata,
    Column(
        "route_pk",
        BigInteger,
        ForeignKey(routes.c.route_pk, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        **NONE,
    ),
    Column("cell", BigInteger, primary_key=True, autoincrement=False, **holds("location")),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Index("route_cells_by_user", "user_id", "cell", "route_pk"),
)

# The course of every workout with positions, and how it fared on its route.
tracks = Table(
    "tracks",
    metadata,
    Column(
        "workout_pk",
        BigInteger,
        ForeignKey(workouts.c.workout_pk, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        **NONE,
    ),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column("sport", SmallInteger, nullable=False, **NONE),
    Column("start_ms", BigInteger, nullable=False, **NONE),
    Column(
        "route_pk",
        BigInteger,
        ForeignKey(routes.c.route_pk, ondelete="SET NULL"),
        nullable=True,
        **NONE,
    ),
    # Grows whenever the track is made anew: work that was begun on an older one is not stored.
    Column("generation", Integer, nullable=False, **NONE),
    Column("length_m", Float, nullable=False, **NONE),
    # The smallest box around it, in degrees.
    Column("south_deg", Float, nullable=False, **holds("location")),
    Column("north_deg", Float, nullable=False, **holds("location")),
    Column("west_deg", Float, nullable=False, **holds("location")),
    Column("east_deg", Float, nullable=False, **holds("location")),
    # See services.workout.routes.course: the points, and when each was passed.
    Column("course", LargeBinary, nullable=False, **holds("location")),
    Column("course_times", LargeBinary, nullable=False, **holds("location")),
    # Its route was looked for.
    Column("placed", Boolean, nullable=False, **NONE),
    # From the first to the last place shared with the route's model.
    Column("elapsed_s", Float, nullable=False, **NONE),
    Column("distance_m", Float, nullable=False, **NONE),
    Column("average_power_w", Float, nullable=True, **holds("health")),
    Column("average_heart_rate_bpm", Float, nullable=True, **holds("health")),
    Index("tracks_by_route", "route_pk", "start_ms", "workout_pk"),
    Index("tracks_by_user", "user_id", "sport", "workout_pk"),
    Index("tracks_by_placing", "placed", "workout_pk"),
)
