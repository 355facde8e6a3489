"""TCX files for tests."""

from __future__ import annotations

from collections.abc import Iterable

from tests.unit.ingest_edge.files.gpx.making import T0_MS, iso

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def trackpoint(index: int, inner: str = "", *, extension: str = "") -> str:
    """A second's point: position, altitude, distance and what `inner` adds."""
    tpx = (
        f'<Extensions><TPX xmlns="http://www.garmin.com/xmlschemas/ActivityExtension/v2">{extension}</TPX>'
        "</Extensions>"
        if extension
        else ""
    )
    return (
        f"<Trackpoint><Time>{iso(T0_MS + index * 1000)}</Time>"
        f"<Position><LatitudeDegrees>{50 + index / 1000:.3f}</LatitudeDegrees>"
        f"<LongitudeDegrees>{8 + index / 1000:.3f}</LongitudeDegrees></Position>"
        f"<AltitudeMeters>100.2</AltitudeMeters><DistanceMeters>{index * 3:.2f}</DistanceMeters>"
        f"{inner}{tpx}</Trackpoint>\n"
    )


def trackpoints(indexes: Iterable[int], inner: str = "", *, extension: str = "") -> str:
    points = "".join(trackpoint(index, inner, extension=extension) for index in indexes)
    return f"<Track>\n{points}</Track>\n"


def lap(
    start: int, total_s: float, *tracks: str, more: str = "", trigger: str = "Manual", distance_m: float = 30
) -> str:
    return (
        f'<Lap StartTime="{iso(T0_MS + start * 1000)}"><TotalTimeSeconds>{total_s}</TotalTimeSeconds>'
        f"<DistanceMeters>{distance_m}</DistanceMeters>{more}<Intensity>Active</Intensity>"
        f"<TriggerMethod>{trigger}</TriggerMethod>{''.join(tracks)}</Lap>\n"
    )


def activity(*laps: str, sport: str = "Biking", more: str = "") -> str:
    return f'<Activity Sport="{sport}"><Id>{iso(T0_MS)}</Id>{"".join(laps)}{more}</Activity>'


def tcx(body: str) -> bytes:
    return (
        f'{HEAD}<TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{body}</TrainingCenterDatabase>'
    ).encode()


def activities(*parts: str) -> bytes:
    return tcx(f"<Activities>{''.join(parts)}</Activities>")
