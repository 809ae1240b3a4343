"""`modassist doctor`: looks at everything that a run needs and says what to do about each fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from modassist.channels.channel import Channel
from modassist.config.settings import Settings
from modassist.errors import ForumError, ModassistError, PageRefused, RuleError
from modassist.forum.discourse import Forum

SILENT_AFTER = timedelta(days=2)
"""A forum that was last read so long ago is probably no longer polled."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mark` is "ok", "note" or "FAULT"; `todo` is the way out."""

    mark: str
    what: str
    found: str
    todo: str = ""

    @property
    def is_fault(self) -> bool:
        return self.mark.startswith("FAULT")


def _ok(what: str, found: str) -> Finding:
    return Finding("ok    ", what, found)


def _note(what: str, found: str, todo: str = "") -> Finding:
    return Finding("note  ", what, found, todo)


def _fault(what: str, fault: ModassistError | str, todo: str = "") -> Finding:
    if isinstance(fault, ModassistError):
        return Finding("FAULT ", what, fault.message, fault.hint or todo)
    return Finding("FAULT ", what, fault, todo)


def examine(load_settings: Callable[[], Settings], *, now: datetime) -> Iterator[Finding]:
    """Every check, in the order in which one fault causes the next. Raises nothing; a fault ends what depends on it."""
    try:
        settings = load_settings()
    except ModassistError as fault:
        yield _fault("settings", fault)
        return
    yield _ok("settings", str(settings.file or "defaults and environment (no modassist.toml)"))
    yield from (_note("settings", warning) for warning in settings.warnings)
    yield from _rules(settings)
    yield from _model(settings)
    yield from _abuse(settings)
    yield from _database(settings, now)
    yield from _forum(settings)
    yield from _alerts(settings)
    yield from _undelivered(settings, now)


def _rules(settings: Settings) -> Iterator[Finding]:
    from modassist.resources import rules_root
    from modassist.rules.rulebook import load_packs

    try:
        packs = load_packs(rules_root(), *settings.rules.folders, disable=settings.rules.disable)
        for lang in sorted({rule.lang for rule in packs}):
            packs.find("?", lang=lang, role="staff")
            packs.find("?", lang=lang, role="customer")
    except RuleError as fault:
        yield _fault("rules", fault, "`modassist rules check` lists every fault")
        return
    yield _ok("rules", f"{len(packs)} rules in {len({rule.lang for rule in packs})} languages")


def _model(settings: Settings) -> Iterator[Finding]:
    """Which trained model judges, and whether it can, with its sentence encoder where it has one."""
    from modassist.records.stream import load_weighers

    try:
        weighers = load_weighers(settings)
    except ModassistError as fault:
        yield _fault("model", fault)
        return
    if weighers is None:
        yield _ok("model", "none: rules and context alone")
        return
    encoder = weighers.model.encoder
    yield _ok("model", weighers.name + (f", with the sentence encoder {encoder.name}" if encoder else ""))
    if settings.detection.encoder and encoder is None:
        yield _note("model", "trained without a sentence encoder: detection.encoder is not used", "modassist train")


def _abuse(settings: Settings) -> Iterator[Finding]:
    """What finds insults: rules everywhere, and detoxify where it is on, its checkpoint there and the pinned one."""
    from modassist.learned.checkpoints import WHOLE, check
    from modassist.records.stream import load_toxicity

    try:
        model = load_toxicity(settings)
        if model is None:
            yield _ok("abuse", "by rules")
            return
        by = f"by rules; in {', '.join(sorted(model.languages))} also by detoxify {model.kind}"
        file, pin = model.checkpoint.file, model.checkpoint.pin
        if not file.exists():
            yield _note("abuse", f"{by}, which is not there yet", f"it is fetched at first use, or put it at {file}")
            return
        with file.open("rb") as handle:
            check(handle, model.checkpoint)
    except OSError as fault:
        yield _fault("abuse", f"{file}: cannot be read: {fault.strerror}")
    except ModassistError as fault:
        yield _fault("abuse", fault)
    else:
        yield _ok("abuse", f"{by}, checkpoint as pinned ({len(pin)} of {WHOLE} digits)")


def _database(settings: Settings, now: datetime) -> Iterator[Finding]:
    from modassist.store.store import Store

    if not settings.database.exists():
        yield _note("database", f"{settings.database} is not there yet", "`modassist poll` makes it")
        return
    try:
        with Store.open(settings.database, read_only=True) as store:
            counts = store.counts()
            cursor = store.cursor(settings.forum.url) if settings.forum.url else None
    except ModassistError as fault:
        yield _fault("database", fault)
        return
    yield _ok("database", f"{settings.database}: {counts['threads']} threads, {counts['posts']} posts")
    if cursor is not None and now - cursor.last_success > SILENT_AFTER:
        yield _note(
            "database", f"the forum was last read {cursor.last_success:%Y-%m-%d}", "run `modassist poll` by a timer"
        )


def _forum(settings: Settings) -> Iterator[Finding]:
    if not settings.forum.url:
        yield _fault("forum", "no forum is configured", "`modassist init` sets one up")
        return
    forum = settings.forum
    try:
        client = Forum(
            forum.url,
            api_username=forum.api_username or None,
            api_key=forum.api_key or None,
            requests_per_minute=forum.requests_per_minute,
        )
    except ModassistError as fault:
        yield _fault("forum", fault)
        return
    with client:
        yield from _talk(client, settings)


def _talk(client: Forum, settings: Settings) -> Iterator[Finding]:
    try:
        info = client.basic_info()
    except ForumError as fault:
        yield _fault("forum", fault, "is the address right, and does it open in a browser?")
        return
    yield _ok("forum", f"{info.get('title') or settings.forum.url} answers")
    try:
        client.latest_posts()
    except ForumError as fault:
        todo = "a Read-only key of a single user is enough; `/posts.json` is not part of granular keys"
        yield _fault("reading", fault, todo if client.has_key else "set MODASSIST_FORUM_API_KEY and forum.api_username")
        return
    yield _ok("reading", f"as {settings.forum.api_username}, with a key" if client.has_key else "as any visitor")
    yield from _identity(client, settings)
    yield from _categories(client, settings)
    yield from _staff(client, settings)


def _identity(client: Forum, settings: Settings) -> Iterator[Finding]:
    name = settings.forum.api_username
    if settings.forum.api_key and not name:
        yield _fault("key", "there is a key, but no account for it", "set forum.api_username")
    elif name and not settings.forum.api_key:
        yield _note("key", f"forum.api_username is {name}, but there is no key", "set MODASSIST_FORUM_API_KEY")
    elif name.casefold() == "system":
        yield _note("key", "the key acts as `system`, which sees everything", "give the bot an account of its own")
    elif client.has_key:
        yield from _reach(client)


def _reach(client: Forum) -> Iterator[Finding]:
    """How far the key reaches, as far as reading shows it: an ordinary reader is refused the admin pages."""
    try:
        client.list_users("suspended")
    except PageRefused:
        yield _ok("key", "reads what an ordinary member reads")
    except ForumError as fault:
        yield _note("key", f"how far it reaches could not be seen: {fault.message}")
    else:
        yield _note("key", "belongs to an admin: it sees whispers and deleted posts", "a plain member's key is enough")


def _categories(client: Forum, settings: Settings) -> Iterator[Finding]:
    wanted = set(settings.forum.categories)
    if not wanted:
        return
    try:
        seen = {row.get("id") for row in client.site().get("categories") or [] if isinstance(row, dict)}
    except ForumError as fault:
        yield _note("categories", f"could not be looked at: {fault.message}")
        return
    missing = sorted(wanted - seen)
    if missing:
        yield _fault(
            "categories", f"{missing} not found on the forum", "see forum.categories, and what the key may read"
        )
    else:
        yield _ok("categories", f"{len(wanted)} of {len(seen)}")


def _staff(client: Forum, settings: Settings) -> Iterator[Finding]:
    found: set[str] = set(settings.staff.usernames)
    for group in settings.forum.staff_groups:
        try:
            members = client.group_members(group)
        except ForumError as fault:
            yield _note("staff", f"group {group}: {fault.message}", "name its members in forum.staff_usernames")
            continue
        found.update(name.casefold() for name in members)
        if not members:
            yield _note("staff", f"group {group} shows no members", "is the name right, and may the key see them?")
    try:
        about = client.about()
    except ForumError:
        about = {}
    rows = [row for part in ("admins", "moderators") for row in about.get(part) or [] if isinstance(row, dict)]
    found.update(str(row["username"]).casefold() for row in rows if row.get("username"))
    if found:
        yield _ok("staff", f"{len(found)} people are known as staff")
    else:
        todo = "set forum.staff_groups or forum.staff_usernames: without staff every reply is a customer's"
        yield _fault("staff", "nobody is known as staff", todo)


def _alerts(settings: Settings) -> Iterator[Finding]:
    """Every channel is looked at as before a write: without a key, then with the alerts' own."""
    from modassist.channels.opening import is_configured, opened

    if not is_configured(settings):
        yield _note("alerts", "no channel is configured", "alerts.topic_id and alerts.category_id are the usual one")
        return
    try:
        with opened(settings) as channels:
            yield from (_channel(channel, settings.alerts.after_crash) for channel in channels.all)
            keyed = channels.keyed
            if keyed is not None:
                yield from _reach_of_alerts(keyed)
    except ModassistError as fault:
        yield _fault("alerts", fault)


def _channel(channel: Channel, after_crash: str) -> Finding:
    """Whether only staff reads there, and what becomes of an alert of which nobody knows whether it arrived."""
    what = f"alerts to {channel.name}"
    risk = "may come twice" if after_crash == "resend" else "waits for you, and may be missed until then"
    unsure = "" if channel.can_be_asked else f"; after a crash an alert {risk} (alerts.after_crash)"
    try:
        return _ok(what, channel.check() + unsure)
    except ModassistError as fault:
        return _fault(what, fault)


def _reach_of_alerts(keyed: Forum) -> Iterator[Finding]:
    """The key should reach no further than the alert topic; as far as reading shows it."""
    try:
        keyed.list_users("suspended")
    except ForumError:
        yield _ok("alerts", "the key does not open the admin pages")
    else:
        todo = "a granular key (topics: write and read, limited to the alert topic; categories: show) is enough"
        yield _note("alerts", "the key opens the admin pages: it could write anywhere", todo)


def _undelivered(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Alerts that wait for a person, and whether another database was seen to send the same."""
    from modassist.alerting import described
    from modassist.store.outbox import Outbox
    from modassist.store.store import Store

    if not settings.database.exists():
        return
    try:
        with Store.open(settings.database, read_only=True) as store:
            outbox = Outbox(store)
            waiting, rival = outbox.waiting_for_a_person(), outbox.rival(now)
    except ModassistError:  # said above
        return
    for entry in waiting:
        why = f"{entry.channel}: {described(entry)}: {entry.status}: {entry.error}"
        yield _fault("alerts", why, f"`modassist alert --retry {entry.id}` sends it again")
    if rival is not None:
        yield _note("alerts", str(rival), "run modassist once for a forum, or give each a topic of its own")
