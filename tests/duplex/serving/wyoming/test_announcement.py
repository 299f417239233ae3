"""The server is found in the network by what Home Assistant looks for, and no more once it has ended."""

from __future__ import annotations

import asyncio

import pytest
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

from duplex.serving.wyoming.announcement import SERVICE, Announcement
from duplex.streaming.errors import SettingsError

HERE = ["127.0.0.1"]


@pytest.mark.slow
async def test_it_is_found_and_taken_back() -> None:
    changes: asyncio.Queue[tuple[str, ServiceStateChange]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        loop.call_soon_threadsafe(changes.put_nowait, (name, state_change))

    looking = AsyncZeroconf(interfaces=HERE)
    browser = AsyncServiceBrowser(looking.zeroconf, SERVICE, handlers=[changed])
    try:
        async with asyncio.timeout(30.0):
            async with Announcement("127.0.0.1", 10_300, "Duplex of a test", HERE) as announced:
                while (await changes.get()) != (f"{announced.name}.{SERVICE}", ServiceStateChange.Added):
                    pass
                info = await looking.async_get_service_info(SERVICE, f"{announced.name}.{SERVICE}")
                assert info is not None and info.port == 10_300 and info.parsed_addresses() == HERE
                with pytest.raises(SettingsError, match="already"):
                    async with Announcement("127.0.0.1", 10_301, "Duplex of a test", HERE):
                        pass
            while (await changes.get()) != (f"{announced.name}.{SERVICE}", ServiceStateChange.Removed):
                pass
    finally:
        await browser.async_cancel()
        await looking.async_close()
