"""What a watcher sees of live numbers."""

from __future__ import annotations

from collections.abc import Mapping

from pulsemesh.profile.v1 import privacy_pb2 as p
from pulsemesh.type.v1 import channel_pb2 as c
from pulsemesh.workout.v1.recording_service_pb2 import LiveValue
from services.chassis.privacy import DEFAULTS, Circle, View
from services.workout.shared.live import LiveFilter

HOME = Circle(52.5, 13.4, 400.0)
ALL = View(frozenset(DEFAULTS), (HOME,))
OUTSIDE, INSIDE = 52.6, 52.501


def told(second: int, values: Mapping[int, float], source: str = "computer") -> list[LiveValue]:
    return [
        LiveValue(source_id=source, channel=channel, value=value, time_ms=second * 1000)  # type: ignore[arg-type]
        for channel, value in values.items()
    ]


def at(second: int, latitude: float, **more: float) -> list[LiveValue]:
    values: dict[int, float] = {c.CHANNEL_LATITUDE: latitude, c.CHANNEL_LONGITUDE: 13.4}
    values.update({c.Channel.Value(f"CHANNEL_{name.upper()}"): value for name, value in more.items()})
    return told(second, values)


def distances(values: list[LiveValue]) -> list[float]:
    return [value.value for value in values if value.channel == c.CHANNEL_DISTANCE]


def test_nothing_is_seen_until_the_person_is_known_to_be_outside() -> None:
    watched = LiveFilter(positioned=True)
    assert watched.show(ALL, told(0, {c.CHANNEL_HEART_RATE: 120})) == []
    assert watched.show(ALL, at(1, INSIDE, heart_rate=121)) == []
    assert watched.hidden
    assert watched.show(ALL, at(2, OUTSIDE, heart_rate=122))


def test_a_counter_does_not_tell_how_far_it_was_to_the_edge() -> None:
    watched = LiveFilter(positioned=True)
    watched.show(ALL, at(0, INSIDE, distance=0))
    assert distances(watched.show(ALL, at(60, OUTSIDE, distance=480))) == [0]
    assert distances(watched.show(ALL, at(61, OUTSIDE, distance=488))) == [8]


def test_a_counter_stands_still_while_it_is_hidden() -> None:
    watched = LiveFilter(positioned=True)
    watched.show(ALL, at(0, OUTSIDE, distance=100))
    watched.show(ALL, at(1, OUTSIDE, distance=110))
    watched.show(ALL, at(2, INSIDE, distance=700))
    watched.show(ALL, at(3, OUTSIDE))
    assert distances(watched.show(ALL, at(4, OUTSIDE, distance=900))) == [10]


def test_silence_of_the_positions_hides_the_person_again() -> None:
    watched = LiveFilter(positioned=True)
    watched.show(ALL, at(0, OUTSIDE))
    assert watched.show(ALL, told(5, {c.CHANNEL_CADENCE: 80}))
    assert watched.show(ALL, told(15, {c.CHANNEL_CADENCE: 80})) == []


def test_of_two_receivers_one_inside_is_enough_to_hide() -> None:
    watched = LiveFilter(positioned=True)
    inside = told(0, {c.CHANNEL_LATITUDE: INSIDE, c.CHANNEL_LONGITUDE: 13.4}, source="phone")
    assert watched.show(ALL, [*at(0, OUTSIDE), *inside]) == []


def test_a_recording_without_positions_is_seen_at_once() -> None:
    assert LiveFilter(positioned=False).show(ALL, told(0, {c.CHANNEL_CADENCE: 80}))


def test_values_come_without_their_source_and_hidden_channels_not_at_all() -> None:
    view = View(frozenset(DEFAULTS) - {p.ASPECT_HEART_RATE}, ())
    seen = LiveFilter(positioned=True).show(view, at(0, INSIDE, heart_rate=140, battery=50, cadence=80))
    assert {value.source_id for value in seen} == {""}
    assert [value.channel for value in seen] == [c.CHANNEL_LATITUDE, c.CHANNEL_LONGITUDE, c.CHANNEL_CADENCE]
