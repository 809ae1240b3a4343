"""A process that is there to be killed: ticks of the bot, each in a child that somebody else may end at any instant.

Reads jobs as lines and forks a child for each, so that nothing has to be loaded twice: says the child's number,
and how it ended. A child does one tick at the given instant and exits with 0.
"""

from __future__ import annotations

import base64
import os
import pickle
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def tick(job: str) -> None:
    from modassist.bot.forumbot import Tools
    from modassist.bot.loop import Bot
    from modassist.bot.stopping import Stop

    settings, now = pickle.loads(base64.b64decode(job))
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


def main() -> None:
    warm()
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            sys.stdin.close()
            try:
                tick(line)
            except BaseException as fault:  # noqa: BLE001 -- told to whoever asked, and no test goes on in a child
                print(f"{type(fault).__name__}: {fault}", file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
