"""The event loop of a test."""

import asyncio


async def settle() -> None:
    """Lets every task run until it waits for something that does not happen by itself."""
    for _ in range(6):
        await asyncio.sleep(0)
