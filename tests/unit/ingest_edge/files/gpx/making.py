"""GPX files for tests, in the manners of those who write them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

T0_MS = 1_714_543_200_000

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def iso(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}Z"


def point(index: int, inner: str = "", *, time: str | None = None) -> str:
    """A second's point of a track that goes north-east; `inner` joins its elements."""
    written = iso(T0_MS + index * 1000) if time is None else time
    stamp = f"<time>{written}</time>" if written else ""
    return f'<trkpt lat="{50 + index / 1000:.3f}" lon="{8 + index / 1000:.3f}">{stamp}{inner}</trkpt>\n'


def segment(points: Iterable[str]) -> str:
    return f"<trkseg>\n{''.join(points)}</trkseg>\n"


def gpx(body: str, *, head: str = HEAD, attributes: str = 'version="1.1" creator="Maker"') -> bytes:
    return f'{head}<gpx {attributes} xmlns="http://www.topografix.com/GPX/1/1">{body}</gpx>'.encode()


def track(*segments: str, kind: str | None = None) -> str:
    written = "" if kind is None else f"<type>{kind}</type>"
    return f"<trk>{written}{''.join(segments)}</trk>"


def simple(count: int = 10, inner: str = "") -> bytes:
    return gpx(track(segment(point(index, inner) for index in range(count))))
