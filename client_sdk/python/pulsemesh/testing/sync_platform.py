"""The same platform for tests without async."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pulsemesh import sync
from pulsemesh.testing.platform import Platform, platform

__all__ = ["SyncPlatform", "sync_platform"]


class SyncPlatform:
    """A platform that runs in a thread of its own. Async tests may connect to its `target` too."""

    def __init__(self, inner: Platform, loop: sync.LoopThread) -> None:
        self._inner = inner
        self._loop = loop

    @property
    def target(self) -> str:
        """Where it is, for `pulsemesh.connect`."""
        return self._inner.target

    @property
    def data_dir(self) -> Path:
        """Where its files are."""
        return self._inner.data_dir

    def token(self, login: str, *, scopes: Sequence[str] = (), device: bool = False) -> str:
        """Return an access token of the person called `login`."""
        return self._loop.run(self._inner.token(login, scopes=scopes, device=device))

    def client(self, login: str = "", *, scopes: Sequence[str] = (), device: bool = False) -> sync.Client:
        """Return a connected client of `login`, by default of a new person; closed with the platform."""
        inner = self._loop.run(self._inner.client(login, scopes=scopes, device=device))
        return sync.Client(inner, self._loop, owns_loop=False)


@contextmanager
def sync_platform(
    *,
    data_dir: Path | None = None,
    domains: Collection[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> Iterator[SyncPlatform]:
    """Serve the platform from a thread of its own; everything is as in `platform`."""
    loop = sync.LoopThread()
    context = platform(data_dir=data_dir, domains=domains, settings=settings)
    try:
        running = loop.run(context.__aenter__())
        try:
            yield SyncPlatform(running, loop)
        finally:
            loop.run(context.__aexit__(None, None, None))
    finally:
        loop.stop()
