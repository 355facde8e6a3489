"""What is asked of Envoy's admin page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time

import httpx

from services.gateway.configuration.listeners import DOOR

logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every look at the page

POLL_S = 0.05
_REFUSED = "listener_manager.lds.update_rejected"
_RUNNING_CALLS = f"http.{DOOR}.downstream_rq_active"


class AdminPage:
    """The admin page of one Envoy."""

    def __init__(self, address: str) -> None:
        self._client = httpx.AsyncClient(base_url=f"http://{address}", timeout=5.0, trust_env=False)

    async def statistics(self, pattern: str) -> dict[str, int]:
        """Counters and gauges whose name matches a regular expression."""
        answer = await self._client.get("/stats", params={"filter": pattern, "format": "json"})
        return {one["name"]: one["value"] for one in answer.json()["stats"] if "value" in one}

    async def _statistic(self, name: str) -> int:
        return (await self.statistics(f"^{name}$")).get(name, 0)

    async def listeners_refused(self) -> bool:
        """Whether Envoy did not take a listener."""
        return bool(await self._statistic(_REFUSED))

    async def door(self) -> str:
        """The bound address of the door, empty until Envoy is ready and listens."""
        if (await self._client.get("/ready")).status_code != httpx.codes.OK:
            return ""
        listeners = json.loads((await self._client.get("/listeners?format=json")).text)
        for listener in listeners.get("listener_statuses", ()):
            if listener["name"] == DOOR:
                socket = listener["local_address"]["socket_address"]
                return f"{socket['address']}:{socket['port_value']}"
        return ""

    async def drain(self, within_s: float) -> bool:
        """Tell clients to go; returns whether their calls ended in time.

        First the health page fails, so that whoever balances load looks elsewhere; then connections are told
        to bring no more calls, and the port is given up.
        """
        until = time.monotonic() + within_s
        with contextlib.suppress(httpx.HTTPError):
            await self._client.post("/healthcheck/fail")
            await self._client.post("/drain_listeners", params={"graceful": "", "skip_exit": ""})
            while await self._statistic(_RUNNING_CALLS):
                if time.monotonic() >= until:
                    return False
                await asyncio.sleep(POLL_S)
        return True

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()


async def drain_listeners(address: str, within_s: float) -> bool:
    """Drain the Envoy behind an admin page; see `AdminPage.drain`."""
    page = AdminPage(address)
    try:
        return await page.drain(within_s)
    finally:
        await page.close()
