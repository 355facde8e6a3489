"""A real platform for your tests: in this process, on a free port, with nothing left behind.

It needs the extra `testing`. `platform` is for async tests, `sync_platform` for others;
`pulsemesh.testing.fixtures` has pytest fixtures.
"""

from pulsemesh.testing.platform import Platform, platform
from pulsemesh.testing.sync_platform import SyncPlatform, sync_platform

__all__ = ["Platform", "SyncPlatform", "platform", "sync_platform"]
