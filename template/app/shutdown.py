"""Leaving in order: first readiness says no, then, after SHUTDOWN_DELAY, the server stops.

A load balancer needs a few seconds to notice; meanwhile requests are answered as ever.
"""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

shutting_down = asyncio.Event()


@contextmanager
def announced(delay: float) -> Iterator[None]:
    """While this runs, SIGTERM waits `delay` seconds before the server's own handler has it."""
    shutting_down.clear()
    if threading.current_thread() is not threading.main_thread():
        yield  # a test client's: signals go to the main thread only
        return
    loop = asyncio.get_running_loop()
    server_handler = signal.getsignal(signal.SIGTERM)

    def stop() -> None:
        signal.signal(signal.SIGTERM, server_handler)
        signal.raise_signal(signal.SIGTERM)

    def announce(signum: int, frame: FrameType | None) -> None:
        shutting_down.set()
        loop.call_soon_threadsafe(loop.call_later, delay, stop)

    signal.signal(signal.SIGTERM, announce)
    try:
        yield
    finally:
        shutting_down.set()
        signal.signal(signal.SIGTERM, server_handler)
