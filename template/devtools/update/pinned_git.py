"""git under settings of ours: what a merge makes must not depend on the machine it runs on."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

# Wins over the owner's settings in their repository; line ends, filters and modes stay theirs.
PINNED = {
    "core.checkStat": "default",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.ignoreStat": "false",
    "core.safecrlf": "false",
    "core.trustctime": "true",
    "diff.orderFile": os.devnull,
}
# For renders and merges, where line ends depend on no machine. How the template is reached, by
# ssh, a proxy, with credentials, stays the owner's.
PLAIN = PINNED | {
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.eol": "lf",
    "core.symlinks": "true",
    "init.templateDir": "",
}
# What a remote may need. Any other of git's variables may come from a hook or `rebase --exec`.
KEPT = re.compile(
    r"GIT_(ALLOW_PROTOCOL|ASKPASS|CONFIG_(?!PARAMETERS).+|DISCOVERY_ACROSS_FILESYSTEM"
    r"|EXEC_PATH|HTTP_.+|PROXY_.+|SSH.*|SSL_.+|TERMINAL_PROMPT|TRACE.*)"
)

NONE = re.compile("")

type Environment = Mapping[str, str]


def environment(
    settings: Mapping[str, str], kept: re.Pattern[str] = KEPT, **variables: str
) -> dict[str, str]:
    """The environment for a command, with settings that win over those in any file."""
    ours = {n: v for n, v in os.environ.items() if not n.startswith("GIT_") or kept.fullmatch(n)}
    count = ours.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdigit() else 0
    for number, (key, value) in enumerate(settings.items(), start=first):
        ours |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return ours | {"GIT_CONFIG_COUNT": str(first + len(settings))} | variables


def git(
    *arguments: str,
    env: Environment | None = None,
    folder: Path = Path(),
    data: bytes = b"",
    fine: Iterable[int] = (0,),
) -> bytes:
    """What git prints, in the owner's repository unless `env` names another. Exits if it fails."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment(PINNED) if env is None else env,
        input=data,
        capture_output=True,
    )
    if done.returncode not in fine:
        sys.exit(f"{done.stderr.decode(errors='replace')}`git {arguments[0]}` failed.")
    return done.stdout


def line(*arguments: str, env: Environment | None = None, fine: Iterable[int] = (0,)) -> str:
    return os.fsdecode(git(*arguments, env=env, fine=fine)).removesuffix("\n")


def items(*arguments: str, env: Environment | None = None, data: bytes = b"") -> list[str]:
    """What git prints with `-z`."""
    return os.fsdecode(git(*arguments, env=env, data=data)).split("\0")[:-1]
