"""Telling systemd how a service is doing: the notification protocol of sd_notify(3), without its library."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping


class ServiceManager:
    """Sends states to the service manager, or nowhere where there is none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        watchdog_us = environment.get("WATCHDOG_USEC", "")
        self._watchdog_s = int(watchdog_us) / 1_000_000 if watchdog_us.isdigit() else None

    def notify(self, state: str) -> None:
        """Send one state, such as `READY=1`. A manager that does not listen is none of our trouble."""
        if not self._address:
            return
        # A leading @ stands for the abstract namespace.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), address)

    async def keep_alive(self) -> None:
        """Answer the watchdog until cancelled. It runs on the event loop: a loop that hangs is restarted."""
        if self._watchdog_s is None:
            return
        while True:
            self.notify("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_s / 3)
