"""Run a command as long as a process needs it: `python leash.py LOCK COMMAND…`

Each process that needs the command holds a shared lock on the file LOCK. The kernel releases a lock
when its holder ends, even by SIGKILL. When the last holder has ended, the command gets an interrupt
(as from Ctrl-C) and time to end. So no process is left behind.
"""

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path


def main(options: argparse.Namespace) -> int:
    users = os.open(options.lock, os.O_RDONLY)  # now: --remove may delete it
    with options.lock.with_suffix(".leash").open("w") as only_one:
        try:
            fcntl.flock(only_one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0  # the command runs already
        for number in (signal.SIGINT, signal.SIGTERM):  # the command gets its own, or the lock's
            signal.signal(number, lambda *_: None)
        user, group = options.user, options.user
        process = subprocess.Popen(options.command, user=user, group=group)
        free = threading.Thread(target=end_when_free, args=(users, process), daemon=True)
        free.start()
        status = process.wait()
        if options.remove:
            shutil.rmtree(options.remove, ignore_errors=True)
        return status


def end_when_free(lock: int, process: subprocess.Popen[bytes]) -> None:
    fcntl.flock(lock, fcntl.LOCK_EX)
    process.send_signal(signal.SIGINT)
    threading.Event().wait()  # a new user of the command waits until this process ends


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", type=int, help="the id of the user to run the command as")
    parser.add_argument("--remove", type=Path, help="a folder to delete when the command ended")
    parser.add_argument("lock", type=Path)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    sys.exit(main(parser.parse_args()))
