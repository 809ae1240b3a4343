"""Ticks of the bot, each in a child that is killed at a given instant if it has not ended before.

Reads jobs as lines and forks a child for each, so that nothing has to be loaded twice; says how it ended. A child does
one tick at the given instant and exits with 0. The killing is done here, as only a parent can be sure that the number
it kills is still its child's.
"""

from __future__ import annotations

import base64
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modassist.config.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def tick(settings: Settings, now: datetime) -> None:
    from modassist.bot.forumbot import Tools
    from modassist.bot.loop import Bot
    from modassist.bot.stopping import Stop

    tools = Tools(Stop(), lambda: now, time.monotonic, lambda: 0.5, {"timeout": (5, 5), "jitter": lambda: 0.0})
    bot = Bot(lambda: (settings,), tools)
    bot.open()
    bot.once()
    bot.close()


def warm() -> None:
    """Everything that a tick loads, loaded once."""
    import modassist.alerting
    import modassist.bot.loop
    from alerted import DISMISSAL, complaint
    from forum import START
    from modassist.config.settings import Settings
    from modassist.judging import detectors
    from modassist.pipeline import Desk
    from modassist.store.store import Store

    assert modassist.alerting
    assert modassist.bot.loop
    loaded = detectors.load()
    detectors.load = lambda folders=(), disable=(): loaded
    told = [complaint(1), complaint(2, ("mod_anna", DISMISSAL), ("lightsleeper", "Still broken."), closed=True)]
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "warm.sqlite") as store:
        for record in told:
            store.save_topic(record, source="https://forum.example.com", seen_at=START)
        Desk(store, Settings(), START).analyse_due()


def ended(child: int, kill_after: float | None) -> int:
    """The child's exit code. Until it is waited for it keeps its number, so the timer stops before that."""
    timer = threading.Timer(kill_after, os.kill, (child, signal.SIGKILL)) if kill_after is not None else None
    if timer:
        timer.start()
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    if timer:
        timer.cancel()
        timer.join()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    warm()
    print("ready", flush=True)
    for line in sys.stdin:
        kill_after, *job = pickle.loads(base64.b64decode(line))
        child = os.fork()
        if not child:
            sys.stdin.close()
            try:
                tick(*job)
            except BaseException as fault:  # noqa: BLE001 -- told to whoever asked, and no test goes on in a child
                print(f"{type(fault).__name__}: {fault}", file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        print(ended(child, kill_after), flush=True)


if __name__ == "__main__":
    main()
