"""`modassist demo`: the whole line on a small forum in this process, over real HTTP."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modassist.commands.alerts import tell_alerts
from modassist.commands.reading import analyse_due, poll_forum, raise_for, write_digest
from modassist.commands.run import Run, command, language

if TYPE_CHECKING:
    from modassist.config.settings import Settings
    from modassist.sample import Sample

PAGE = "demo-digest.html"
EVERYTHING = 1000
ALERTS_USER, ALERTS_KEY = "modbot", "only-for-the-sample-forum"


@command("demo", "modassist demo --language de")
@click.option("--language", "speak", type=language, metavar="de|en|fi", help="Of the digest and the notes [en].")
def demo_command(run: Run, speak: str | None) -> None:
    """Run the whole line once on a small sample forum.

    Starts the forum in this process, polls and judges it, prints the digest and writes it as demo-digest.html, and sends
    one alert to that forum's staff category.
    Needs no settings and no network, and takes none: --config, --db and --forum change nothing here. What it stores is
    gone when it ends.
    """
    from modassist import sample
    from modassist.forum.practice.server import ForumServer
    from modassist.forum.practice.writing import WriteKey

    _say_what_is_not_used(run)
    story = sample.load()
    now = run.now() if run.now_text else story.now
    names = {row["id"]: row["name"] for row in story.categories}
    staff_only = {row["id"]: ["staff"] for row in story.categories if row["read_restricted"]}
    writes = {ALERTS_KEY: WriteKey(ALERTS_USER, is_staff=True)}
    with (
        ForumServer(
            story.records, now=lambda: now, categories=names, permissions=staff_only, write_keys=writes
        ) as forum,
        tempfile.TemporaryDirectory(prefix="modassist-demo-") as folder,
    ):
        run.tell(f"a sample forum with {len(story.records)} threads listens at {forum.url}")
        _tell_the_story(run, _settings(forum.url, Path(folder), speak, story), now, forum.title)


def _say_what_is_not_used(run: Run) -> None:
    """The sample would mix with threads of the user's own in their database, and their settings would change its story."""
    given = (("--config", run.config), ("--db", run.database), ("--forum", run.forum))
    names = [name for name, value in given if value]
    if names:
        what = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not used"
        run.tell(f"warning: the demo has settings and a database of its own: {what}")


def _settings(url: str, folder: Path, speak: str | None, story: Sample) -> Settings:
    """Settings of the demo alone: what is configured for the user's own forum must not change the sample's story."""
    from modassist.config.layers import load

    posts = [post["created_at"] for record in story.records for post in record["posts"]]
    oldest = datetime.fromisoformat(min(posts))
    flags = {
        "language": speak,
        "timezone": "Europe/Berlin",
        "database": folder / "demo.sqlite",
        "forum.url": url,
        "forum.requests_per_minute": 200,
        "forum.backfill_days": max(30, (story.now - oldest).days + 1),
        "digest.limit": EVERYTHING,
        "alerts.category_id": next(row["id"] for row in story.categories if row["read_restricted"]),
        "alerts.new_topics": True,
        "alerts.api_username": ALERTS_USER,
        "alerts.api_key": ALERTS_KEY,
    }
    return load(None, {}, flags)


def _tell_the_story(run: Run, settings: Settings, now: datetime, title: str) -> None:
    from modassist.alerting import send_alerts
    from modassist.channels.opening import opened
    from modassist.pipeline import Desk, Wanted, gather
    from modassist.store.store import Store

    with Store.open(settings.database) as store:
        desk = Desk(store, settings, now)
        polled = poll_forum(run, desk)
        report = analyse_due(run, desk)
        digest = replace(gather(desk, Wanted(limit=EVERYTHING)), forum=title)
        with opened(settings) as channels:
            alerted = send_alerts(desk, channels, limit=1)
    write_digest(digest, "terminal", settings, None)
    write_digest(digest, "html", settings, Path(PAGE))
    run.tell(f"The same as a page: {Path(PAGE).resolve()}")
    run.tell("The worst thread, as an alert in the forum's staff category, which no customer can read:")
    tell_alerts(run, alerted)
    raise_for(polled, report)
