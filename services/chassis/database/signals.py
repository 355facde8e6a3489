"""Callbacks on the event loop after a commit: those of one transaction and those that subscribed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

_log = structlog.get_logger(__name__)


class Signals:
    """The subscribers of one database's signals."""

    def __init__(self) -> None:
        self._subscribers: dict[str, list[Callable[[], None]]] = {}

    def subscribe(self, name: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each commit that raised `name`; returns what ends it."""
        subscribers = self._subscribers.setdefault(name, [])
        subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in subscribers:
                subscribers.remove(callback)

        return unsubscribe

    def committed(self, callbacks: Iterable[Callable[[], None]], raised: Iterable[str]) -> None:
        """Run a transaction's own callbacks, then those of the signals raised in it."""
        for callback in callbacks:
            _call(callback)
        for name in raised:
            for callback in tuple(self._subscribers.get(name, ())):
                _call(callback)


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:  # the commit is done; one bad callback must not hide it nor stop the others
        _log.exception("after_commit_callback_failed")
