"""Numbers and times of XML track files, from text to float64 arrays, many at once."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]
Text = str | bytes

_LONGEST = 40
_SAMPLE = 256
_MS_PER_DAY = 86_400_000
_SHORTEST_TIME = 19

_TAIL = re.compile(rb"(?:[.,](\d+))?\s*(?:(Z|z)|([-+])(\d\d):?(\d\d)?)?\s*")
_LEADING_DIGITS = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_SEPARATORS = ((4, b"-"), (7, b"-"), (13, b":"), (16, b":"))


def numbers(texts: Sequence[Text], *, plain: bool = False) -> tuple[Float64Array, int]:
    """The numbers that the texts say, NaN where one says none, and how many of them say something else.

    An empty text is no number and no garbage either: some writers leave the element empty. `plain` says that
    the texts are known to hold the letters of numbers and times only.
    """
    try:
        values = _floats(texts)
    except ValueError:
        values = np.array([_number(text) for text in texts], dtype=np.float64)
    else:
        if not plain and _has_underscore(texts):
            values = np.array([_number(text) for text in texts], dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    values[wrong] = np.nan
    return values, sum(1 for index in wrong.tolist() if texts[index].strip())


def _floats(texts: Sequence[Text]) -> Float64Array:
    """Raises `ValueError` where a text is no number. Heart rates and the like repeat: each is read once."""
    if len(set(texts[:_SAMPLE])) * 2 > min(len(texts), _SAMPLE):
        return np.array(list(map(float, texts)), dtype=np.float64)
    known = {text: float(text) for text in set(texts)}
    return np.array([known[text] for text in texts], dtype=np.float64)


def number_or_none(text: str) -> float | None:
    """A single number; None where the text says none."""
    value = _number(text)
    return value if np.isfinite(value) else None


def _number(text: Text) -> float:
    try:
        value = float(text)
    except ValueError:
        return float("nan")
    return float("nan") if _has_underscore([text]) else value


def _has_underscore(texts: Sequence[Text]) -> bool:
    """Python takes `1_000` for a number; XML does not. Texts in bytes were held to a number's characters."""
    return "_" in "".join([text for text in texts if isinstance(text, str)])


def times_ms(texts: Sequence[Text], *, plain: bool = False) -> tuple[Float64Array, int, int]:
    """Times as whole milliseconds since the Unix epoch, as float64 of shape (n,), NaN where one says none.

    ISO 8601 as XML Schema writes it (`2024-05-01T06:00:00.250+02:00`), with or without fraction and zone; a
    blank instead of the T is taken too. Also returns how many texts are no time, and how many have no zone:
    those are taken as UTC. Times before 1970 are none. `plain` is as for `numbers`.
    """
    octets = _plain_octets(texts) if plain else None
    if octets is None:
        octets = _octets(texts)
    width = octets.shape[1]
    if width < _SHORTEST_TIME:
        return np.full(len(texts), np.nan), sum(1 for text in texts if text.strip()), 0
    head = octets[:, :_SHORTEST_TIME]
    sound = _looks_like_a_time(head)
    digits = np.where(sound[:, None], head, ord("0")).astype(np.int64) - ord("0")
    days, good = _days(digits)
    hours, minutes, seconds = (_two(digits, at) for at in (11, 14, 17))
    sound &= good & (hours <= 24) & (minutes < 60) & (seconds <= 60)
    tail_ms, zoned, tail_good = _tails(octets[:, _SHORTEST_TIME:])
    sound &= tail_good
    total = days * _MS_PER_DAY + ((hours * 60 + minutes) * 60 + seconds) * 1000 + tail_ms
    sound &= total >= 0
    garbage = sum(1 for index in np.flatnonzero(~sound).tolist() if texts[index].strip())
    return np.where(sound, total.astype(np.float64), np.nan), garbage, int(np.count_nonzero(sound & ~zoned))


def time_ms_or_none(text: str) -> int | None:
    """A single time; None where the text says none."""
    value = times_ms([text])[0][0]
    return None if np.isnan(value) else int(value)


def _plain_octets(texts: Sequence[Text]) -> npt.NDArray[np.uint8] | None:
    """As `_octets` for texts that begin with a digit each; None where one does not, or is too long."""
    fixed = np.array(texts, dtype=np.bytes_)
    if fixed.dtype.itemsize > _LONGEST:
        return None
    octets = fixed.view(np.uint8).reshape(len(texts), fixed.dtype.itemsize)
    first = octets[:, 0]
    return octets if ((first >= ord("0")) & (first <= ord("9"))).all() else None


def _octets(texts: Sequence[Text]) -> npt.NDArray[np.uint8]:
    """The texts as rows of bytes, zeros behind the end; what is too long for a time is left empty."""
    plain = [text if isinstance(text, bytes) else text.encode("ascii", "replace") for text in texts]
    stripped = [text.strip() for text in plain]
    # numpy drops zeros at the end, and "0\0" is no digit.
    short = [text if len(text) <= _LONGEST and b"\0" not in text else b"?" for text in stripped]
    fixed = np.array(short, dtype=np.bytes_)
    return fixed.view(np.uint8).reshape(len(texts), fixed.dtype.itemsize)


def _looks_like_a_time(head: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    digits = head[:, _LEADING_DIGITS]
    sound = ((digits >= ord("0")) & (digits <= ord("9"))).all(axis=1)
    for column, separator in _SEPARATORS:
        sound &= head[:, column] == separator[0]
    sound &= (head[:, 10] == ord("T")) | (head[:, 10] == ord(" ")) | (head[:, 10] == ord("t"))
    return np.asarray(sound, dtype=np.bool_)


def _two(digits: npt.NDArray[np.int64], at: int) -> npt.NDArray[np.int64]:
    return np.asarray(digits[:, at] * 10 + digits[:, at + 1], dtype=np.int64)


def _days(digits: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Days since 1970, and where year, month and day are those of the calendar."""
    year, month, day = _two(digits, 0) * 100 + _two(digits, 2), _two(digits, 5), _two(digits, 8)
    good = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0)
    first = _first_days(months)
    good &= day <= _first_days(months + 1) - first
    return first + day - 1, good


def _first_days(months: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The first day of each month, counted from January 1970, as days since 1970."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _tails(
    octets: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """What follows the seconds, in ms to add; whether it names a zone; whether it is sound."""
    count, width = octets.shape
    if not width:
        return np.zeros(count, np.int64), np.zeros(count, np.bool_), np.ones(count, np.bool_)
    tails = np.ascontiguousarray(octets).view(f"S{width}").reshape(count)
    distinct, place = np.unique(tails, return_inverse=True)
    read = [_tail(tail) for tail in distinct.tolist()]
    columns = [np.array(column)[place] for column in zip(*read, strict=True)]
    return columns[0].astype(np.int64), columns[1].astype(np.bool_), columns[2].astype(np.bool_)


def _tail(tail: bytes) -> tuple[int, bool, bool]:
    found = _TAIL.fullmatch(tail)
    if found is None:
        return 0, False, False
    fraction, utc, sign, hours, minutes = found.groups()
    added = round(int(fraction) * 1000 / 10 ** len(fraction)) if fraction else 0
    if sign:
        shift = (int(hours) * 60 + int(minutes or 0)) * 60_000
        added += shift if sign == b"-" else -shift
    return added, bool(utc or sign), True
