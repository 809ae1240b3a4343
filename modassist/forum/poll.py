"""Forum -> store, from a cursor: what is new or changed is read and kept, gently, and nothing twice.

    /posts.json   tells new posts and fresh edits; walked down to the watermark of the last poll
    /latest.json  tells what that cannot see: staff colour, closings, solutions; compared with the keys in the store
    topics        are read where one of them says so: one request, and one more for each 50 posts that are missing
    sweep         once a day: what we hold as waiting, and what was active lately, for edits, deletions, silent closings;
                  and some threads that were gone, whether they are back

Each topic is stored in its own transaction, the watermark after all of them. So a poll may be killed at any moment: the
next one finds what is stored by its key, reads the rest, and ends with the same database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from modassist.errors import ForumError, ForumRefused, ForumUnavailable, PageRefused, RateLimited, RecordError
from modassist.forum.changekey import ChangeKey, key_of
from modassist.forum.discourse import Forum, Json, instant_of, is_pinned
from modassist.store.store import Cursor, Store

OVERLAP = 50
"""Ids below the watermark that a walk looks at again: posts become visible late (approved, made public)."""

WINDOW = 50
"""Ids in one answer of /posts.json on old servers, which count ids and not posts."""

HELD_BACK = 500
"""Ids by which a topic that failed holds the watermark back at most; after that the sweep finds it."""

LIST_PAGES = 2

GONE_AGAIN = 20
"""Threads that were gone which a sweep asks for again, those first that were not asked for longest. A refusal by mistake
would else hold for ever: nothing that happens to a quiet thread tells of it."""

_GONE = frozenset({403, 404, 410})


@dataclass(frozen=True, slots=True)
class PollSettings:
    """What to read and how far to go. `categories` empty: all. Group names are the forum's."""

    categories: frozenset[int] = frozenset()
    staff_groups: tuple[str, ...] = ()
    backfill_days: int = 30
    max_topics: int = 500
    """Topics not known before that one poll reads at most; the next ones go on with the rest."""
    post_pages: int = 20
    sweep_every: timedelta = timedelta(days=1)
    sweep_days: int = 3
    """The sweep reads open topics with activity in so many days again, changed or not."""
    members_every: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PollReport:
    """What a poll did. What it counts is stored, also where it stopped."""

    requests: int = 0
    topics_read: int = 0
    posts_new: int = 0
    posts_changed: int = 0
    topics_gone: int = 0
    topics_left: int = 0
    """Topics for the next poll, because of `max_topics`."""
    failed: tuple[tuple[int, str], ...] = ()
    """(topic id, what went wrong): the others were read all the same."""
    notes: tuple[str, ...] = ()
    """What staff should know, such as a group that hides its members."""
    stopped: ForumError | None = None
    """Why the forum could not be read to the end. The cursor has not moved; the next poll goes on."""


def poll(
    forum: Forum,
    store: Store,
    *,
    now: datetime,
    settings: PollSettings,
    full: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> PollReport:
    """Bring the store up to date with the forum. `full` reads every topic again; `progress` gets (done, all) topics.

    Never raises for the forum's faults: a topic that fails is in `failed`, a forum that fails in `stopped`.
    """
    spent = forum.request_count
    run = _Poll(forum, store, now, settings, progress or (lambda done, total: None))
    stopped = None
    try:
        run.run(full=full)
    except ForumError as error:
        stopped = error
    return PollReport(
        requests=forum.request_count - spent,
        topics_read=run.topics_read,
        posts_new=run.posts_new,
        posts_changed=run.posts_changed,
        topics_gone=run.topics_gone,
        topics_left=run.topics_left,
        failed=tuple(run.failed),
        notes=tuple(run.notes),
        stopped=stopped,
    )


@dataclass(slots=True)
class _Want:
    """A topic to read: the list row and the rows of /posts.json that say so; `whole`: with posts that we hold."""

    row: Json | None = None
    posts: list[Json] = field(default_factory=list)
    whole: bool = False


@dataclass
class _Poll:
    forum: Forum
    store: Store
    now: datetime
    settings: PollSettings
    progress: Callable[[int, int], None]
    topics_read: int = 0
    posts_new: int = 0
    posts_changed: int = 0
    topics_gone: int = 0
    topics_left: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wants: dict[int, _Want] = field(default_factory=dict)
    keys: dict[int, ChangeKey | None] = field(default_factory=dict)
    """Topics that the store holds, with their keys; None for a key that cannot be read."""
    gone: set[int] = field(default_factory=set)
    """Topics that were gone when we last asked, and are asked for again."""
    missed_posts: list[int] = field(default_factory=list)
    is_welcome: bool = False

    @property
    def source(self) -> str:
        return self.forum.url

    def run(self, *, full: bool) -> None:
        cursor = self.store.cursor(self.source)
        self._load_members(anew=full)
        posts, has_gap = self._new_posts(cursor)
        self._want_posts(posts)
        is_first = cursor is None or cursor.last_sweep is None
        if full:
            self._want_everything()
        elif is_first or self._want_changed() or has_gap:
            self._want_rows(list(self.forum.all_topics(self._horizon())))
        is_due = not full and self._is_due(cursor)
        if is_due:
            self._want_sweep()
        self._leave_some(full=full)
        if is_due:
            self._want_gone()
        self._read_wanted()
        self._move(cursor, max((post["id"] for post in posts), default=0), swept=full or is_first or is_due)

    def _horizon(self) -> datetime:
        return self.now - timedelta(days=self.settings.backfill_days)

    def _is_due(self, cursor: Cursor | None) -> bool:
        last = cursor.last_sweep if cursor else None
        return last is not None and self.now - last >= self.settings.sweep_every

    # -- what is new ---------------------------------------------------------------------------------------------

    def _new_posts(self, cursor: Cursor | None) -> tuple[list[Json], bool]:
        """The newest posts, down to the watermark; and whether the walk ended before it."""
        newest = {post["id"]: post for post in self.forum.latest_posts()}
        if cursor is None or not newest or max(newest) <= cursor.highest_post_id:
            return list(newest.values()), False
        if min(newest) <= cursor.highest_post_id + 1:
            return list(newest.values()), False
        return self._walk(newest, cursor.highest_post_id + 1 - OVERLAP)

    def _walk(self, found: dict[int, Json], target: int) -> tuple[list[Json], bool]:
        """Go down page by page. Servers take `before` as "under this id" or as "the 50 ids that end here"."""
        before, is_window = min(found), False
        for _ in range(self.settings.post_pages - 1):
            page = {post["id"]: post for post in self.forum.latest_posts(before)}
            is_window = is_window or before in page
            is_end = not (page.keys() - found.keys()) and not is_window
            found |= page
            before = before - WINDOW if is_window else min(found)
            if is_end or before <= max(target, 1):
                return list(found.values()), False
        return list(found.values()), True

    def _want_posts(self, posts: list[Json]) -> None:
        """Topics of posts that we have not seen, or not as they are now."""
        numbered = [post for post in posts if isinstance(post.get("topic_id"), int)]
        self._load_keys(post["topic_id"] for post in numbered)
        for post in sorted(numbered, key=lambda post: int(post["id"]), reverse=True):
            topic_id, key = post["topic_id"], self.keys.get(post["topic_id"])
            if self._is_ours(topic_id, post) and (key.lacks(post) if key else self._is_recent(topic_id, post)):
                self._want(topic_id).posts.append(post)

    def _want_changed(self) -> bool:
        """Topics whose list row differs from our key. True where even the end of the last page is changed."""
        for page in range(LIST_PAGES):
            found = self.forum.latest_topics(page)
            changes = self._want_rows(found.rows)
            if not changes or not changes[-1] or not found.more:
                return False
        return True

    def _want_rows(self, rows: Collection[Json], *, anyway: bool = False) -> list[bool]:
        """Want the topics that changed (or all). Returns for each row that can end a list whether it was changed.

        Pinned rows cannot: they stand first however old they are.
        """
        self._load_keys(row["id"] for row in rows)
        changes: list[bool] = []
        for row in rows:
            if not self._is_ours(row["id"], row):
                continue
            is_changed = self._is_changed(row)
            if anyway or is_changed:
                want = self._want(row["id"])
                want.row, want.whole = row, want.whole or anyway
            if not is_pinned(row):
                changes.append(is_changed)
        return changes

    def _is_changed(self, row: Json) -> bool:
        if row["id"] in self.keys:
            key = self.keys[row["id"]]
            return key is None or key.differs_from(row)
        return self._is_recent(row["id"], row)

    def _is_recent(self, topic_id: int, row: Json) -> bool:
        """Whether a topic that we do not hold is new enough to be read, by its list row or a post of it."""
        moments = (instant_of(row, name) for name in ("bumped_at", "last_posted_at", "created_at"))
        active = next((moment for moment in moments if moment), None)
        return topic_id in self.keys or active is None or active >= self._horizon()

    def _want_everything(self) -> None:
        self._want_rows(list(self.forum.all_topics()), anyway=True)
        known = list(self.store.topic_ids(self.source))
        self._load_keys(known)
        for topic_id in known:
            self._want(topic_id).whole = True

    def _want_sweep(self) -> None:
        """What a poll cannot see: edits, deletions and closings that move nothing up."""
        waiting = list(self.store.waiting_topics(self.source))
        self._load_keys(waiting)
        for topic_id in waiting:
            if topic_id in self.keys:
                self._want(topic_id).whole = True
        since = self.now - timedelta(days=self.settings.sweep_days)
        self._want_rows(list(self.forum.open_topics(since)), anyway=True)

    def _want_gone(self) -> None:
        """Last of all, so that what is surely there comes first where the requests do not suffice for everything."""
        self.gone = set(self.store.gone_topics(self.source, GONE_AGAIN)) - self.wants.keys()
        for topic_id in sorted(self.gone):
            self._want(topic_id).whole = True

    def _want(self, topic_id: int) -> _Want:
        return self.wants.setdefault(topic_id, _Want())

    def _load_keys(self, topic_ids: Iterable[int]) -> None:
        keys = self.store.change_keys(sorted(set(topic_ids) - self.keys.keys()), self.source)
        self.keys |= {topic_id: ChangeKey.parse(text) for topic_id, text in keys.items()}

    def _is_ours(self, topic_id: int, row: Json) -> bool:
        """Whether a row is to be read at all: what we hold always; else public, listed, of a chosen category."""
        if topic_id in self.keys:
            return True
        is_listed = row.get("visible") is not False and row.get("deleted_at") is None
        return is_listed and row.get("archetype", "regular") == "regular" and self._is_chosen(row)

    def _is_chosen(self, row: Json) -> bool:
        chosen = self.settings.categories
        return not chosen or "category_id" not in row or row["category_id"] in chosen

    def _leave_some(self, *, full: bool) -> None:
        if full:
            return
        unknown = [topic_id for topic_id in self.wants if topic_id not in self.keys]
        for topic_id in unknown[self.settings.max_topics :]:
            del self.wants[topic_id]
            self.topics_left += 1

    # -- reading and keeping -------------------------------------------------------------------------------------

    def _read_wanted(self) -> None:
        for done, (topic_id, want) in enumerate(self.wants.items()):
            self.progress(done, len(self.wants))
            try:
                self._read(topic_id, want)
            except RateLimited:
                raise
            except (PageRefused, RecordError) as error:
                self._fail(topic_id, want, error)
            except ForumUnavailable as error:
                if self.forum.given_up:
                    raise
                self._fail(topic_id, want, error)
        self.progress(len(self.wants), len(self.wants))

    def _read(self, topic_id: int, want: _Want) -> None:
        held = () if want.whole else frozenset(self.store.post_ids(topic_id, self.source))
        try:
            record = self.forum.topic(topic_id, held=held, wanted={post["id"] for post in want.posts})
        except PageRefused as error:
            if error.status not in _GONE or not self._is_gone(topic_id, error):
                raise
            self._mark_gone(topic_id)
            return
        if self._is_out_of_sight(record):
            self._mark_gone(topic_id)
            return
        self._keep(topic_id, want, record)

    def _keep(self, topic_id: int, want: _Want, record: Json) -> None:
        key = key_of(record, want.row, want.posts, self.keys.get(topic_id))
        with self.store.transaction():
            saved = self.store.save_topic(record, source=self.source, seen_at=self.now, change_key=key.text())
        self.topics_read += 1
        self.posts_new += saved.new
        self.posts_changed += saved.changed

    def _is_out_of_sight(self, record: Json) -> bool:
        is_public = record.get("archetype", "regular") == "regular" and record.get("deleted_at") is None
        return not is_public or not self._is_chosen(record)

    def _is_gone(self, topic_id: int, error: PageRefused) -> bool:
        """A 403 may also mean a key just revoked, which must not empty the store: ask for something public first."""
        if error.status != 403:
            return True
        if not self.is_welcome:
            self._check_welcome()
        return topic_id in self.keys or topic_id in self.gone

    def _check_welcome(self) -> None:
        try:
            self.forum.latest_posts()
        except PageRefused as error:
            raise ForumRefused(error.message, error.hint, error.status) from error
        self.is_welcome = True

    def _mark_gone(self, topic_id: int) -> None:
        if topic_id not in self.keys and topic_id not in self.gone:
            return
        with self.store.transaction():
            self.store.mark_gone(topic_id, self.source, self.now)
        self.topics_gone += topic_id not in self.gone

    def _fail(self, topic_id: int, want: _Want, error: Exception) -> None:
        self.failed.append((topic_id, str(error)))
        self.missed_posts += [post["id"] for post in want.posts]

    # -- cursor and members --------------------------------------------------------------------------------------

    def _move(self, cursor: Cursor | None, top: int, *, swept: bool) -> None:
        """Everything wanted is stored or in `failed`: now the watermark moves, but not past what failed."""
        if cursor:
            top = max(top, cursor.highest_post_id)
        mark = max(min([top, *(post_id - 1 for post_id in self.missed_posts)]), top - HELD_BACK)
        last_sweep = self.now if swept else cursor.last_sweep if cursor else None
        moved = Cursor(mark, last_success=self.now, last_sweep=None if self.topics_left else last_sweep)
        with self.store.transaction():
            self.store.save_cursor(self.source, moved)

    def _load_members(self, *, anew: bool) -> None:
        """Members of the staff groups, once a day: a post shows its author's primary group only."""
        if not self.settings.staff_groups:
            return
        known, seen_at = self.store.members(self.source)
        if seen_at and not anew and self.now - seen_at < self.settings.members_every:
            return
        members: set[str] = set()
        for group in self.settings.staff_groups:
            members |= self._members_of(group, known)
        with self.store.transaction():
            self.store.save_members(self.source, sorted(members), self.now)

    def _members_of(self, group: str, known: frozenset[str]) -> set[str]:
        try:
            return {name.casefold() for name in self.forum.group_members(group)}
        except PageRefused as error:
            self.notes.append(f"staff group {group!r}: {error}")
            return set(known)
