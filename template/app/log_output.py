"""Writes log lines to standard output, in a thread: no request waits for that, or fails by it.

A line that cannot be written is dropped: the disk is full, the reader has ended, or it is stalled
and too many lines wait. When writing works again, a line says how many were dropped.
"""

import atexit
import json
import os
import sys
import threading
from queue import SimpleQueue
from time import monotonic, sleep

CAPACITY = 1_000_000  # characters that wait for a stalled reader
PATIENCE = 2.0  # seconds that the end of the process waits for it


class LogOutput:
    def __init__(self) -> None:
        # The number of a closed one is given to the next socket, such as that of the database.
        self.fd = sys.__stdout__.fileno() if sys.__stdout__ else os.open(os.devnull, os.O_WRONLY)
        self.start()
        os.register_at_fork(after_in_child=self.start)  # a forked process has one thread only
        atexit.register(self.finish)

    def start(self) -> None:
        # Both are reentrant: the garbage collector may log in the middle of `write`.
        self.lock, self.lines = threading.RLock(), SimpleQueue[str]()
        self.waiting, self.dropped, self.deadline = 0, 0, 0.0
        threading.Thread(target=self.run, name="log output", daemon=True).start()

    def write(self, line: str) -> None:
        size = len(line)
        with self.lock:
            if self.waiting + size > CAPACITY:
                self.dropped += 1
                return
            self.waiting += size
            self.lines.put(line)
        self.wait()

    debug = info = warning = error = critical = write  # what structlog calls

    def finish(self) -> None:
        """Wait until all is written. From now on each line waits, two seconds in all."""
        self.deadline = max(self.deadline, monotonic() + PATIENCE)
        self.wait()

    def wait(self) -> None:
        while self.waiting and monotonic() < self.deadline:
            sleep(0.0001)

    def run(self) -> None:
        while True:
            line, dropped = self.lines.get(), self.dropped
            text = f"{line}\n"
            if dropped:
                report = {"event": "log lines were dropped", "level": "warning", "dropped": dropped}
                text = f"\n{json.dumps(report)}\n{text}"  # the last line may be there in part
            rest = text.encode(errors="backslashreplace")
            try:
                while rest:
                    rest = rest[os.write(self.fd, rest) :]
            except OSError:
                dropped = -1  # this one, too
            with self.lock:
                self.waiting -= len(line)
                self.dropped -= dropped


output = LogOutput()
