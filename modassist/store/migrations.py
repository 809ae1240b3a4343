"""The history of the database's schema: numbered steps, only ever appended, applied when a database is opened.

`PRAGMA user_version` is the number of steps applied, so that an up-to-date database opens without loading sqlite-utils.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x6D6F6461
"""Marks a SQLite file as ours ("moda")."""


def m001_threads_and_findings(db: Database) -> None:
    """What the forum said, what we concluded from it, and who asked to be forgotten."""
    for table, columns in {**_FORUM, **_CONCLUDED, **_PEOPLE}.items():
        options = "STRICT, WITHOUT ROWID" if table in _WITHOUT_ROWID else "STRICT"
        db.execute(f"CREATE TABLE {table} ({columns}) {options}")
    for statement in _REST:
        db.execute(statement)


def m002_alerts(db: Database) -> None:
    """What staff is to be told and was told, and which threads a person put aside."""
    for table, columns in _ALERTS.items():
        options = "STRICT, WITHOUT ROWID" if table in _WITHOUT_ROWID else "STRICT"
        db.execute(f"CREATE TABLE {table} ({columns}) {options}")
    for statement in _ALERT_INDEXES:
        db.execute(statement)


def m003_verdicts(db: Database) -> None:
    """What people said of findings, and how a thread stood when it was put aside."""
    for table, columns in _REVIEW.items():
        db.execute(f"CREATE TABLE {table} ({columns}) STRICT, WITHOUT ROWID")


def m004_bot(db: Database) -> None:
    """What the scheduled bot has to know after a restart."""
    db.execute("CREATE TABLE bot (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID")


MIGRATIONS: tuple[Callable[[Database], None], ...] = (
    m001_threads_and_findings,
    m002_alerts,
    m003_verdicts,
    m004_bot,
)


def migrate(connection: sqlite3.Connection, *, upto: int | None = None) -> None:
    """Bring the schema up to date: all missing steps, or none if one fails. `upto` stops early (for tests).

    One lock is held over all steps, so that two programs that open a new database do not both build it.
    """
    from sqlite_utils import Database, Migrations

    steps = MIGRATIONS[:upto]
    db = Database(connection, execute_plugins=False, recursive_triggers=False)
    history = Migrations("modassist")
    for step in steps:
        history()(step)
    connection.execute("BEGIN IMMEDIATE")
    try:
        history.apply(db)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


_THREAD = "REFERENCES threads(id) ON DELETE CASCADE"

# Times are UTC text of one width (instants.sortable_text); truth values are 0 and 1.
_FORUM = {
    # `name` is the forum's address, or a name for records from files.
    "sources": "id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, members_seen_at TEXT",
    "cursors": """source_id INTEGER PRIMARY KEY REFERENCES sources(id), highest_post_id INTEGER NOT NULL,
        last_success TEXT NOT NULL, last_sweep TEXT""",
    "members": "source_id INTEGER NOT NULL REFERENCES sources(id), username TEXT NOT NULL, PRIMARY KEY (source_id, username)",
    # `fields` holds what else of the topic is needed to build its record again; `revision` counts changes seen.
    "threads": """id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL REFERENCES sources(id), topic_id INTEGER NOT NULL,
        title TEXT NOT NULL, slug TEXT NOT NULL, category_id INTEGER, tags TEXT NOT NULL, closed INTEGER NOT NULL,
        archived INTEGER NOT NULL, visible INTEGER NOT NULL, created_at TEXT, fields TEXT NOT NULL,
        last_posted_at TEXT, change_key TEXT NOT NULL, revision INTEGER NOT NULL, fetched_at TEXT NOT NULL, gone_at TEXT,
        UNIQUE (source_id, topic_id)""",
    # `name_key` is the user name without case; `text_sha` that of the text as the forum sent it.
    "posts": f"""id INTEGER PRIMARY KEY, thread_id INTEGER NOT NULL {_THREAD}, post_number INTEGER NOT NULL,
        forum_id INTEGER, username TEXT, name_key TEXT, user_id INTEGER, post_type INTEGER NOT NULL,
        staff INTEGER NOT NULL, admin INTEGER NOT NULL, moderator INTEGER NOT NULL, group_moderator INTEGER NOT NULL,
        primary_group TEXT, is_automatic INTEGER NOT NULL, hidden INTEGER NOT NULL, created_at TEXT, reply_to INTEGER,
        accepted INTEGER NOT NULL, action TEXT, updated_at TEXT, version INTEGER,
        html TEXT, raw TEXT, text_sha BLOB NOT NULL, seen_at TEXT NOT NULL, deleted_at TEXT,
        UNIQUE (thread_id, post_number)""",
    # Texts that a post had before; `seen_at` is when we first saw the text, `replaced_at` when we saw another one.
    "post_versions": """id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL REFERENCES posts(id) ON DELETE CASCADE,
        html TEXT, raw TEXT, text_sha BLOB NOT NULL, updated_at TEXT, seen_at TEXT NOT NULL, replaced_at TEXT NOT NULL""",
}
_CONCLUDED = {
    # Threads to be analysed, from which instant on; "" sorts before every instant.
    "queue": f"thread_id INTEGER PRIMARY KEY {_THREAD}, due_at TEXT NOT NULL",
    # `result` is the result record; NULL where it was taken out because a person is to be forgotten.
    "analyses": f"""thread_id INTEGER PRIMARY KEY {_THREAD}, judged_at TEXT NOT NULL, analysis_version TEXT NOT NULL,
        lang TEXT NOT NULL, severity INTEGER NOT NULL, needs_person INTEGER NOT NULL, news_at TEXT NOT NULL,
        next_change_at TEXT, first_flagged_at TEXT, result TEXT""",
    "thread_states": f"thread_id INTEGER NOT NULL {_THREAD}, state TEXT NOT NULL, since TEXT, PRIMARY KEY (thread_id, state)",
    # One row per piece of evidence; a signal without evidence has one row without words.
    "findings": f"""id INTEGER PRIMARY KEY, thread_id INTEGER NOT NULL {_THREAD}, post_number INTEGER NOT NULL,
        posted_at TEXT, role TEXT NOT NULL, lang TEXT NOT NULL, signal TEXT NOT NULL, score REAL NOT NULL,
        rules TEXT NOT NULL, start INTEGER, "end" INTEGER, words TEXT, flagged INTEGER NOT NULL""",
}
_PEOPLE = {
    "settings": "key TEXT PRIMARY KEY, value BLOB NOT NULL",
    "forgotten": "name_hash BLOB PRIMARY KEY, forgotten_at TEXT NOT NULL",
}
_ALERTS = {
    # Set by people: no alert until then, or no alert until the customer writes again.
    "thread_marks": f"thread_id INTEGER PRIMARY KEY {_THREAD}, snoozed_until TEXT, done_at TEXT",
    # What a channel was told of a thread since it was last settled; the row goes when the thread is settled.
    "told": f"""thread_id INTEGER NOT NULL {_THREAD}, channel TEXT NOT NULL, reasons TEXT NOT NULL,
        severity INTEGER NOT NULL, told_at TEXT NOT NULL, PRIMARY KEY (thread_id, channel)""",
    # No words of the forum stand here: a message is composed when it is sent. `key` names the occasion, so that it
    # cannot be planned twice; `reference` stands in the message, so that it can be found again; `target` is where it
    # was sent to, `place` where it arrived.
    "outbox": """id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, reference TEXT NOT NULL UNIQUE,
        channel TEXT NOT NULL, kind TEXT NOT NULL, post_number INTEGER, reasons TEXT NOT NULL, severity INTEGER NOT NULL,
        status TEXT NOT NULL, attempts INTEGER NOT NULL, created_at TEXT NOT NULL, next_try_at TEXT NOT NULL,
        claimed_at TEXT, target TEXT, sent_at TEXT, place TEXT, error TEXT NOT NULL""",
    "outbox_threads": f"""outbox_id INTEGER NOT NULL REFERENCES outbox(id) ON DELETE CASCADE,
        thread_id INTEGER NOT NULL {_THREAD}, PRIMARY KEY (outbox_id, thread_id)""",
}
_ALERT_INDEXES = (
    "CREATE INDEX outbox_by_time ON outbox(next_try_at) WHERE status IN ('due', 'claimed')",
    "CREATE INDEX outbox_by_day ON outbox(channel, created_at)",
    "CREATE INDEX outbox_by_thread ON outbox_threads(thread_id)",
)
_REVIEW = {
    # One verdict per post, on the text with this hash; no words of the forum stand here. `verdict` is agree or wrong,
    # `found` what the program had found, `should_be` what a person says that the post shows (JSON lists of signals).
    "verdicts": f"""thread_id INTEGER NOT NULL {_THREAD}, post_number INTEGER NOT NULL, text_sha BLOB NOT NULL,
        verdict TEXT NOT NULL CHECK (verdict IN ('agree', 'wrong')), found TEXT NOT NULL, should_be TEXT NOT NULL,
        note TEXT NOT NULL, judged_at TEXT NOT NULL, program TEXT NOT NULL, PRIMARY KEY (thread_id, post_number)""",
    # How a thread stood when it was snoozed or done: what is worse than this brings it back.
    "set_aside": f"""thread_id INTEGER PRIMARY KEY {_THREAD}, reasons TEXT NOT NULL, severity INTEGER NOT NULL,
        note TEXT NOT NULL""",
}
_WITHOUT_ROWID = frozenset({"members", "thread_states", "settings", "forgotten", "told", "outbox_threads"})
_REST = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    "INSERT INTO settings VALUES ('name_salt', randomblob(16))",
    "CREATE INDEX threads_by_age ON threads(last_posted_at)",
    "CREATE INDEX threads_by_topic ON threads(topic_id)",
    "CREATE INDEX posts_by_time ON posts(created_at)",
    "CREATE INDEX posts_by_author ON posts(name_key)",
    "CREATE INDEX versions_by_post ON post_versions(post_id)",
    "CREATE INDEX queue_by_time ON queue(due_at)",
    "CREATE INDEX analyses_worst_first ON analyses(severity DESC, news_at DESC, thread_id) WHERE needs_person = 1",
    "CREATE INDEX analyses_by_version ON analyses(analysis_version)",
    "CREATE INDEX analyses_by_news ON analyses(news_at, lang)",
    "CREATE INDEX findings_by_post ON findings(thread_id, post_number)",
    "CREATE INDEX findings_by_signal ON findings(signal, posted_at)",
    # The visible words of a post, as the analysis saw them: HTML in the index would find tags and quotes.
    "CREATE VIRTUAL TABLE post_words USING fts5(words, role UNINDEXED, tokenize = 'unicode61 remove_diacritics 2')",
    """CREATE TRIGGER words_go_with_their_post AFTER DELETE ON posts
        BEGIN DELETE FROM post_words WHERE rowid = old.id; END""",
)
