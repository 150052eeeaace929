"""Graceful shutdown: on SIGTERM readiness fails; after SHUTDOWN_DELAY, the server stops.

Until the load balancer notices and sends no more requests, they are answered as usual.
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
    """While this runs, SIGTERM reaches the server's own handler `delay` seconds later."""
    shutting_down.clear()
    if threading.current_thread() is not threading.main_thread():
        yield  # in the thread of a test client, which cannot handle signals
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
