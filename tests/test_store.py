"""The database: what is saved comes back, what changed is noticed, what is to go is gone from the file."""

from __future__ import annotations

import itertools
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modassist.alerts.rules import Mark
from modassist.alerts.situation import Situation
from modassist.errors import RecordError, StoreError
from modassist.model import Role, Staff, Thread
from modassist.records.threads import from_thread, to_thread
from modassist.review.verdict import Answer, Verdict
from modassist.store import findings as store_findings
from modassist.store.findings import ESCALATED
from modassist.store.migrations import APPLICATION_ID, MIGRATIONS, migrate
from modassist.store.store import Cursor, SaveReport, Store, ThreadKey
from strategies import threads

FORUM = "https://forum.example.com"
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
KEY = ThreadKey(FORUM, 4711)
VERSION = "7"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "modassist.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path) as opened:
        yield opened


def post(
    number: int = 1, by: str | None = "winni", text: str = "<p>Es geht nicht.</p>", **fields: Any
) -> dict[str, Any]:
    basic = {"id": 1000 + number, "post_number": number, "post_type": 1, "username": by, "staff": False, "cooked": text}
    return basic | {"created_at": f"2026-03-0{min(number, 5)}T08:00:00.000Z"} | fields


def topic(*posts: dict[str, Any], key: int = 4711, **fields: Any) -> dict[str, Any]:
    return {
        "id": key,
        "title": "Ausfall",
        "slug": "ausfall",
        "category_id": 3,
        "tags": ["dsl"],
        "posts": list(posts),
    } | fields


def save(store: Store, *posts: dict[str, Any], at: datetime = NOON, **fields: Any) -> SaveReport:
    return store.save_topic(topic(*posts, **fields), source=FORUM, seen_at=at, change_key="k1")


def stored(store: Store, key: ThreadKey = KEY) -> Thread:
    return to_thread(store.record(key), staff=Staff())


def result(
    key: int = 4711,
    *,
    severity: int = 50,
    escalated: bool = True,
    states: tuple[str, ...] = ("dropped",),
    **fields: Any,
) -> dict[str, Any]:
    evidence = [{"text": "Stimmt nicht", "start": 0, "end": 12}]
    return {
        "topic_id": key,
        "title": "Ausfall",
        "url": "",
        "lang": "de",
        "judged_at": "2026-03-05T12:00:00Z",
        "states": [
            {"state": state, "since": "2026-03-03T09:10:00Z", "hours": 46.8, "post_number": 3} for state in states
        ],
        "posts": [
            said(1, "winni", "customer", {"signal": "complaint", "score": 0.99, "evidence": [], "by": ["rule:a"]}),
            said(
                2,
                "mod_a",
                "staff",
                {"signal": "contradiction", "score": 0.97, "evidence": evidence, "by": ["rule:b"]},
                flagged=True,
            ),
            said(
                3,
                "mod_b",
                "staff",
                {"signal": "owns", "score": 0.9, "evidence": []},
                {"signal": "next_step", "score": 0.8},
            ),
        ],
        "severity": {"score": severity, "addends": []},
        "escalation": {"summary": "…"} if escalated else None,
    } | fields


def said(number: int, by: str, role: str, *signals: dict[str, Any], flagged: bool = False) -> dict[str, Any]:
    lead = {
        "post_number": number,
        "username": by,
        "role": role,
        "created_at": f"2026-03-0{number}T08:00:00Z",
        "lang": "de",
    }
    return lead | {"flagged": flagged, "signals": list(signals)}


def analyse(store: Store, key: int = 4711, **fields: Any) -> None:
    more = {name: fields.pop(name) for name in ("next_change", "settle_until", "texts") if name in fields}
    version = fields.pop("version", VERSION)
    store.save_analysis(ThreadKey(FORUM, key), result(key, **fields), analysis_version=version, **more)


def due(store: Store, now: datetime = NOON, version: str = VERSION) -> list[int]:
    return [key.topic_id for key in store.topics_to_analyse(now, version)]


def bytes_of(path: Path) -> bytes:
    return b"".join(Path(f"{path}{ending}").read_bytes() for ending in ("", "-wal") if Path(f"{path}{ending}").exists())


# -- opening


def test_the_files_are_readable_by_their_owner_alone(store: Store, path: Path) -> None:
    save(store, post())
    for ending in ("", "-wal", "-shm"):
        assert stat.S_IMODE(Path(f"{path}{ending}").stat().st_mode) == 0o600


def test_a_database_that_others_could_read_is_closed_to_them(path: Path) -> None:
    Store.open(path).close()
    path.chmod(0o644)
    Store.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_stored_is_there_when_opened_again(path: Path) -> None:
    with Store.open(path) as first:
        save(first, post())
    with Store.open(path) as second, Store.open(path, read_only=True) as third:
        assert stored(second) == stored(third)


def test_settings_of_the_connection(store: Store) -> None:
    assert [store.db.value(f"PRAGMA {name}") for name in ("journal_mode", "foreign_keys")] == ["wal", 1]
    tables = store.db.rows("SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND schema = 'main'")
    ours = {row["name"]: row["strict"] for row in tables if not row["name"].startswith(("sqlite_", "_sqlite"))}
    assert {name for name, strict in ours.items() if not strict} == set()
    assert len(ours) >= 12


def test_opening_to_read_writes_nothing(store: Store, path: Path) -> None:
    with Store.open(path, read_only=True) as reader, pytest.raises(StoreError, match="cannot be written"):
        save(reader, post())


def other_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()


def newer(path: Path) -> None:
    Store.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()


def damaged(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_text("Dear diary, today the forum was quiet."), "is not a SQLite database"),
        (other_program, "of another program"),
        (newer, "written by a newer modassist"),
        (damaged, "is damaged"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_what_is_not_ours_is_refused_and_left_alone(path: Path, make: Any, said: str, read_only: bool) -> None:
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(StoreError, match=said) as caught:
        Store.open(path, read_only=read_only)
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none/x\.db cannot be opened"):
        Store.open(tmp_path / "none" / "x.db")


def test_reading_needs_a_database(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database"):
        Store.open(path, read_only=True)
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_refused(path: Path) -> None:
    path.parent.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(path)
    path.parent.chmod(0o700)


# -- schema


def schema(connection: sqlite3.Connection) -> dict[str, Any]:
    """Every table with its columns, every index with its columns, every trigger."""
    found: dict[str, Any] = {}
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
        if kind == "table":
            found[name] = sorted(tuple(row)[1:] for row in connection.execute(f"PRAGMA table_xinfo('{name}')"))
        if kind == "index":
            found[name] = [tuple(row) for row in connection.execute(f"PRAGMA index_xinfo('{name}')")]
        if kind == "trigger":
            found[name] = " ".join(sql.split())
    return found


ROWS_OF_THE_FIRST_SCHEMA = (
    "INSERT INTO sources VALUES (1, 'https://forum.example.com', '2026-03-05T12:00:00.000000Z')",
    "INSERT INTO cursors VALUES (1, 99, '2026-03-05T12:00:00.000000Z', NULL)",
    "INSERT INTO members VALUES (1, 'mod_a')",
    """INSERT INTO threads VALUES (1, 1, 4711, 'Ausfall', 'ausfall', 3, '["dsl"]', 0, 0, 1, NULL, '{}',
        '2026-03-01T08:00:00.000000Z', 'k1', 1, '2026-03-05T12:00:00.000000Z', NULL)""",
    """INSERT INTO posts VALUES (1, 1, 1, 1001, 'winni', 'winni', 5, 1, 0, 0, 0, 0, NULL, 0, 0,
        '2026-03-01T08:00:00.000000Z', NULL, 0, NULL, NULL, NULL, '<p>Neu</p>', NULL, x'00',
        '2026-03-05T12:00:00.000000Z', NULL)""",
    """INSERT INTO post_versions VALUES (1, 1, '<p>Alt</p>', NULL, x'01', NULL, '2026-03-04T12:00:00.000000Z',
        '2026-03-05T12:00:00.000000Z')""",
    "INSERT INTO queue VALUES (1, '')",
    """INSERT INTO analyses VALUES (1, '2026-03-05T12:00:00.000000Z', '7', 'de', 50, 1, '2026-03-05T12:00:00.000000Z',
        NULL, '2026-03-04T12:00:00.000000Z', '{"topic_id": 4711}')""",
    "INSERT INTO thread_states VALUES (1, 'dropped', '2026-03-03T09:10:00.000000Z')",
    """INSERT INTO findings VALUES (1, 1, 1, '2026-03-01T08:00:00.000000Z', 'customer', 'de', 'complaint', 0.9, '[]',
        NULL, NULL, NULL, 0)""",
    "INSERT INTO post_words (rowid, words, role) VALUES (1, 'Neu', 'customer')",
    "INSERT INTO forgotten VALUES (x'02', '2026-03-05T12:00:00.000000Z')",
)


def test_the_oldest_schema_with_rows_in_it_becomes_the_newest(path: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, upto=1)
    for statement in ROWS_OF_THE_FIRST_SCHEMA:
        connection.execute(statement)
    connection.close()
    with Store.open(path) as upgraded, Store.open(tmp_path / "fresh.db") as fresh:
        with sqlite3.connect(path) as old, sqlite3.connect(tmp_path / "fresh.db") as new:
            assert schema(old) == schema(new)
            assert old.execute("PRAGMA foreign_key_check").fetchall() == []
        assert stored(upgraded).posts[0].html == "<p>Neu</p>"
        assert upgraded.counts() | {"queued": 1} == dict.fromkeys(fresh.counts(), 1)
        assert upgraded.escalated()[0]["first_flagged_at"] == "2026-03-04T12:00:00Z"
        assert upgraded.search("neu")[0]["topic_id"] == 4711
    old.close()
    new.close()


def test_a_step_that_fails_leaves_the_database_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def m999_broken(db: Any) -> None:
        db.execute("CREATE TABLE half (x TEXT)")
        db.execute("THIS IS NOT SQL")

    Store.open(path).close()
    monkeypatch.setattr("modassist.store.migrations.MIGRATIONS", (*MIGRATIONS, m999_broken))
    monkeypatch.setattr("modassist.store.database.MIGRATIONS", (*MIGRATIONS, m999_broken))
    with pytest.raises(StoreError):
        Store.open(path)
    monkeypatch.undo()
    with Store.open(path) as again:
        assert again.db.value("SELECT count(*) FROM sqlite_master WHERE name = 'half'") == 0


def test_an_up_to_date_database_opens_without_loading_sqlite_utils(path: Path) -> None:
    Store.open(path).close()
    code = f"import sys; from pathlib import Path; from modassist.store.store import Store; Store.open(Path({str(path)!r})); print('sqlite_utils' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "False\n"


def test_the_file_says_whose_it_is(store: Store) -> None:
    assert store.db.value("PRAGMA application_id") == APPLICATION_ID


# -- transactions


def test_what_fails_inside_a_transaction_is_undone_whole(store: Store) -> None:
    def save_and_fail() -> None:
        with store.transaction():
            save(store, post())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save_and_fail()
    assert store.counts()["threads"] == 0


def test_an_inner_transaction_that_fails_undoes_its_own_part_alone(store: Store) -> None:
    def save_and_fail() -> None:
        with store.transaction():
            save(store, post(), key=2)
            raise ZeroDivisionError

    with store.transaction():
        save(store, post(), key=1)
        with pytest.raises(ZeroDivisionError):
            save_and_fail()
        save(store, post(), key=3)
    assert store.topic_ids(FORUM) == [1, 3]


def test_a_killed_program_leaves_whole_topics_or_none(path: Path) -> None:
    Store.open(path).close()
    code = f"""
import os
from datetime import UTC, datetime
from pathlib import Path
from modassist.store.store import Store
store = Store.open(Path({str(path)!r}))
def save(key):
    store.save_topic({topic(post(), post(2))!r} | {{"id": key}}, source={FORUM!r}, seen_at=datetime.now(UTC))
save(1)
with store.transaction():
    save(2)
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    with Store.open(path) as again:
        assert again.topic_ids(FORUM) == [1]
        assert again.counts()["posts"] == 2
        assert save(again, post(), key=2).new == 1


def test_a_second_writer_is_told_that_the_database_is_in_use(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modassist.store.database.BUSY_SECONDS", 0.01)
    with Store.open(path) as other, store.transaction(), pytest.raises(StoreError, match="is in use"):
        save(other, post())


# -- saving topics


def test_a_saved_topic_is_the_same_when_it_is_read_again(store: Store) -> None:
    record = topic(
        post(1),
        post(2, by="mod_a", moderator=True, group_moderator=True, primary_group_name="team", reply_to_post_number=1),
        post(3, by="system", user_id=-1, post_type=3, action_code="closed.enabled", text=""),
        post(4, by=None, created_at=None, hidden=True),
        post(
            5,
            updated_at="2026-03-05T09:00:00Z",
            version=2,
            accepted_answer=True,
            is_auto_generated=True,
            cooked=None,
            raw="x",
        ),
        closed=True,
        archived=True,
        accepted_answers=[{"post_number": 2, "accepter_username": "mod_a"}],
        details={"participants": [{"username": "mod_b", "admin": True}]},
        url="https://elsewhere.example.com/t/1",
    )
    store.save_topic(record, source=FORUM, seen_at=NOON)
    for staff in (Staff(), Staff(groups=frozenset({"team"}), group_moderators=False)):
        assert to_thread(store.record(KEY), staff=staff) == to_thread(record, staff=staff)
    assert stored(store).accepted_by_staff


@pytest.fixture(scope="module")
def shared_store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "x.db") as opened:
        yield opened


NUMBERS = itertools.count()


@given(thread=threads())
def test_saving_and_loading_is_the_identity(shared_store: Store, thread: Thread) -> None:
    key = ThreadKey(f"test-{next(NUMBERS)}", thread.id)
    record = from_thread(thread)
    first = shared_store.save_topic(record, source=key.source, seen_at=NOON)
    second = shared_store.save_topic(record, source=key.source, seen_at=NOON + timedelta(hours=1))
    read = to_thread(shared_store.record(key) | ({"now": record["now"]} if thread.now else {}), staff=Staff())
    assert read == thread
    assert (first, second) == (SaveReport(new=len(thread.posts)), SaveReport())


def test_a_whole_topic_is_a_window_and_its_stream_says_what_there_is(store: Store) -> None:
    save(store, post(1), post(2), post(3))
    whole = topic(post_stream={"posts": [post(3)], "stream": [1001, 1003]})
    assert store.save_topic(whole, source=FORUM, seen_at=NOON) == SaveReport(deleted=1)
    assert [found.number for found in stored(store).posts] == [1, 3]
    assert store.post_ids(4711) == [1001, 1003]


def test_a_window_without_a_stream_deletes_nothing(store: Store) -> None:
    save(store, post(1), post(2))
    assert store.save_topic(topic(post_stream={"posts": [post(2)]}), source=FORUM, seen_at=NOON) == SaveReport()
    assert len(stored(store).posts) == 2


def test_a_reduced_record_is_the_whole_thread(store: Store) -> None:
    save(store, post(1), post(2))
    assert save(store, post(1)) == SaveReport(deleted=1)
    assert save(store, post(1), post(2)) == SaveReport(changed=1)
    assert len(stored(store).posts) == 2


@pytest.mark.parametrize(
    "fields", [{"deleted_at": "2026-03-05T10:00:00Z"}, {"user_deleted": True, "cooked": "(withdrawn)"}]
)
def test_a_post_shown_as_deleted_keeps_its_text_and_is_no_longer_read(store: Store, fields: dict[str, Any]) -> None:
    save(store, post(1), post(2))
    whole = topic(post_stream={"posts": [post(1), post(2, **fields)], "stream": [1001, 1002]})
    assert store.save_topic(whole, source=FORUM, seen_at=NOON) == SaveReport(deleted=1)
    assert [found.number for found in stored(store).posts] == [1]
    assert store.db.value("SELECT html FROM posts WHERE post_number = 2") == "<p>Es geht nicht.</p>"


def test_whispers_are_never_stored(store: Store, path: Path) -> None:
    assert save(store, post(1), post(2, post_type=4, text="<p>unter uns gesagt</p>")) == SaveReport(new=1)
    assert b"unter uns" not in bytes_of(path)


def test_the_earlier_text_of_a_changed_post_is_kept(store: Store) -> None:
    save(store, post(text="<p>Unsinn!</p>"))
    assert save(store, post(text="<p>Entschuldigung.</p>"), at=NOON + timedelta(hours=1)) == SaveReport(changed=1)
    (version,) = store.db.rows("SELECT html, seen_at, replaced_at FROM post_versions")
    assert tuple(version) == ("<p>Unsinn!</p>", "2026-03-05T12:00:00.000000Z", "2026-03-05T13:00:00.000000Z")
    assert stored(store).posts[0].html == "<p>Entschuldigung.</p>"


def test_a_record_without_text_does_not_empty_a_post(store: Store) -> None:
    save(store, post())
    bare = {name: value for name, value in post().items() if name != "cooked"}
    assert save(store, bare) == SaveReport()
    assert stored(store).posts[0].html == "<p>Es geht nicht.</p>"


def test_halves_of_characters_are_stored_as_something_that_can_be(store: Store) -> None:
    save(store, post(by="a\ud800", text="b\udfff", action_code="\ud800"), title="c\ud800", tags=["d\ud800"])
    assert (stored(store).posts[0].html, stored(store).title) == ("b\ufffd", "c\ufffd")


def test_a_record_that_cannot_be_read_changes_nothing(store: Store) -> None:
    save(store, post(1))
    with pytest.raises(RecordError, match=r"^f.json:3: posts\[1\].cooked: expected a text"):
        store.save_topic(topic(post(1, text="neu"), post(2, cooked=7)), source=FORUM, seen_at=NOON, place="f.json:3")
    assert stored(store).posts[0].html == "<p>Es geht nicht.</p>"


def test_the_same_number_on_two_forums_is_two_threads(store: Store) -> None:
    save(store, post())
    store.save_topic(topic(post(by="other")), source="archive", seen_at=NOON)
    assert store.keys(4711) == [KEY, ThreadKey("archive", 4711)]
    assert stored(store, ThreadKey("archive", 4711)).posts[0].author == "other"
    assert store.keys(4711, "archive") == [ThreadKey("archive", 4711)]


def test_an_unknown_thread_is_named(store: Store) -> None:
    with pytest.raises(StoreError, match=r"topic 4711 of https://forum\.example\.com is not in the database"):
        store.record(KEY)


# -- for the poll


def test_the_cursor_is_kept(store: Store) -> None:
    assert store.cursor(FORUM) is None
    for cursor in (Cursor(10, NOON), Cursor(20, NOON, NOON)):
        store.save_cursor(FORUM, cursor)
        assert store.cursor(FORUM) == cursor
    assert store.cursor("https://other.example.com") is None


def test_members_are_replaced(store: Store) -> None:
    assert store.members(FORUM) == (frozenset(), None)
    store.save_members(FORUM, ["mod_a", "mod_b"], NOON)
    store.save_members(FORUM, ["mod_b"], NOON)
    assert store.members(FORUM) == (frozenset({"mod_b"}), NOON)


@pytest.mark.parametrize("extra", [0, 1100])
def test_change_keys_are_those_of_the_topics_asked_for(store: Store, extra: int) -> None:
    for key in (1, 2, 3):
        store.save_topic(topic(post(), key=key), source=FORUM, seen_at=NOON, change_key=f"k{key}")
    store.mark_gone(3, FORUM, NOON)
    asked = [2, 3, 99, *range(1000, 1000 + extra)]
    assert store.change_keys(asked) == store.change_keys(asked, FORUM) == {2: "k2"}
    assert store.change_keys(asked, "elsewhere") == {}


def test_a_topic_that_is_gone_is_nowhere_shown_until_it_comes_back(store: Store) -> None:
    save(store, post(), post(2), post(3))
    analyse(store, texts={1: "Ausfall"})
    store.mark_gone(4711, FORUM, NOON)
    store.mark_gone(99, FORUM, NOON)
    assert (store.escalated(), store.waiting_topics(), store.topic_ids(), due(store)) == ([], [], [], [])
    assert (store.search("Ausfall"), store.kudos(), store.counts()["posts"]) == ([], [], 3)
    save(store, post(), post(2), post(3))
    assert due(store) == [4711]


# -- what is due


def test_a_new_thread_is_due_and_an_analysed_one_is_not(store: Store) -> None:
    save(store, post())
    assert due(store) == [4711]
    analyse(store)
    assert due(store) == []
    save(store, post())
    assert due(store) == []


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"text": "anders"}, {}),
        ({"moderator": True}, {}),
        ({}, {"closed": True}),
        ({}, {"title": "Anders"}),
        ({}, {"accepted_answer": {"post_number": 1}}),
    ],
)
def test_a_changed_thread_is_due_again(store: Store, changed: dict[str, Any], fields: dict[str, Any]) -> None:
    save(store, post())
    analyse(store)
    save(store, post(**changed), **fields)
    assert due(store) == [4711]


def test_a_rebuilt_post_with_the_same_text_is_no_change(store: Store) -> None:
    save(store, post(updated_at="2026-03-01T08:00:00Z", version=1))
    analyse(store)
    assert save(store, post(updated_at="2026-03-04T08:00:00Z", version=2)) == SaveReport()
    assert due(store) == []
    assert stored(store).posts[0].edited_at is not None


@pytest.mark.parametrize("name", ["next_change", "settle_until"])
def test_a_thread_is_due_when_time_changes_it(store: Store, name: str) -> None:
    save(store, post())
    analyse(store, **{name: NOON + timedelta(hours=1)})
    assert due(store, NOON) == []
    assert due(store, NOON + timedelta(hours=1)) == [4711]


def test_the_earlier_of_two_instants_counts(store: Store) -> None:
    save(store, post())
    analyse(store, next_change=NOON + timedelta(hours=9), settle_until=NOON + timedelta(minutes=5))
    assert due(store, NOON + timedelta(minutes=5)) == [4711]


@pytest.mark.parametrize("version", ["6", "8"])
def test_what_another_version_judged_is_due(store: Store, version: str) -> None:
    save(store, post())
    analyse(store)
    assert due(store, version=version) == [4711]


def test_a_thread_that_changed_while_it_was_analysed_stays_due(store: Store) -> None:
    save(store, post())
    store.record(KEY)
    save(store, post(text="inzwischen anders"))
    analyse(store)
    assert due(store) == [4711]
    store.record(KEY)
    analyse(store)
    assert due(store) == []


def test_each_thread_comes_once_though_saving_goes_on_or_fails(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_findings, "PAGE", 2)
    for key in range(1, 8):
        save(store, post(), key=key)
    met = []
    for found in store.topics_to_analyse(NOON, VERSION):
        met.append(found.topic_id)
        if found.topic_id % 2:
            analyse(store, found.topic_id)
    assert met == [1, 2, 3, 4, 5, 6, 7]
    assert due(store) == [2, 4, 6]


def test_everything_can_be_analysed_again(store: Store) -> None:
    save(store, post())
    analyse(store)
    store.analyse_all_again()
    assert due(store) == [4711]


# -- what the digest asks for


def three_threads(store: Store) -> None:
    for key, severity, escalated in ((1, 40, True), (2, 90, True), (3, 95, False)):
        save(store, post(), post(2, by="mod_a"), post(3, by="mod_b"), key=key)
        analyse(store, key, severity=severity, escalated=escalated)


def test_the_worst_come_first_and_only_those_that_need_a_person(store: Store) -> None:
    three_threads(store)
    assert [item["topic_id"] for item in store.escalated()] == [2, 1]
    assert [item["topic_id"] for item in store.escalated(min_severity=41)] == [2]
    assert [item["topic_id"] for item in store.escalated(limit=1)] == [2]
    assert store.escalated()[0] == result(2, severity=90) | {
        "source": FORUM,
        "first_flagged_at": "2026-03-05T12:00:00Z",
    }
    assert store.waiting_topics(FORUM) == store.waiting_topics() == [1, 2]
    assert (store.count_escalated(), store.count_escalated(41), store.count_escalated(0, NOON + timedelta(1))) == (
        2,
        1,
        0,
    )


def test_the_stored_result_of_a_thread_is_there_escalated_or_not(store: Store) -> None:
    three_threads(store)
    assert (store.analysis(ThreadKey(FORUM, 3)) or {})["severity"]["score"] == 95
    save(store, post(), key=4)
    assert store.analysis(ThreadKey(FORUM, 4)) is None


def test_a_second_analysis_replaces_the_first(store: Store) -> None:
    save(store, post(), post(2), post(3))
    analyse(store, texts={1: "Ausfall seit Montag"})
    before = store.counts()
    analyse(store, texts={1: "Ausfall seit Montag"})
    assert store.counts() == before
    analyse(store, texts={1: "Störung"}, posts=[], states=[], lang="fi")
    assert store.counts()["findings"] == 0
    assert (store.search("Montag"), len(store.search("stoerung")), len(store.search("Storung"))) == ([], 0, 1)


def test_a_thread_keeps_the_day_on_which_it_was_flagged_while_it_stays_so(store: Store) -> None:
    save(store, post())
    days = ["2026-03-05T12:00:00Z", "2026-03-06T12:00:00Z", "2026-03-07T12:00:00Z", "2026-03-08T12:00:00Z"]
    for day, escalated in zip(days, (True, True, False, True), strict=True):
        analyse(store, judged_at=day, escalated=escalated)
        shown = [item["first_flagged_at"] for item in store.escalated()]
        assert shown == {days[0]: [days[0]], days[1]: [days[0]], days[2]: [], days[3]: [days[3]]}[day]


def test_active_means_a_new_post_or_another_state(store: Store) -> None:
    def active(since: str) -> bool:
        return bool(store.escalated(active_since=datetime.fromisoformat(since)))

    save(store, post())
    analyse(store, judged_at="2026-03-05T12:00:00Z")
    assert active("2026-03-05T12:00:00Z")
    analyse(store, judged_at="2026-03-06T12:00:00Z")
    assert not active("2026-03-06T00:00:00Z")
    analyse(store, judged_at="2026-03-07T12:00:00Z", states=("dropped", "broken_promise"))
    assert active("2026-03-07T00:00:00Z")
    save(store, post(), post(2, created_at="2026-03-08T08:00:00Z"))
    analyse(store, judged_at="2026-03-08T12:00:00Z", states=("dropped", "broken_promise"))
    assert active("2026-03-08T00:00:00Z")


def test_an_old_archive_read_for_the_first_time_is_no_news(store: Store) -> None:
    save(store, post(created_at="2016-03-01T08:00:00Z"))
    analyse(store)
    assert store.escalated(active_since=NOON - timedelta(days=1)) == []
    assert len(store.escalated()) == 1


def test_the_worst_threads_are_found_by_an_index(store: Store) -> None:
    plan = [row["detail"] for row in store.db.rows(f"EXPLAIN QUERY PLAN {ESCALATED}", (40, "", "[]", 10))]
    assert plan[0] == "SEARCH a USING INDEX analyses_worst_first (severity>?)"
    assert not [step for step in plan if ("SCAN" in step and "json_each" not in step) or "TEMP B-TREE" in step]


def test_what_is_due_is_found_by_indexes(store: Store) -> None:
    statements: list[str] = []
    store.db._connection.set_trace_callback(statements.append)
    due(store)
    store.db._connection.set_trace_callback(None)
    plan = [row["detail"] for row in store.db.rows(f"EXPLAIN QUERY PLAN {statements[0]}")]
    assert not [step for step in plan if step.startswith("SCAN") and "due" not in step]


def test_kudos_go_to_good_replies_that_are_not_flagged(store: Store) -> None:
    three_threads(store)
    found = store.kudos(limit=2)
    assert [(item["topic_id"], item["post_number"], item["username"]) for item in found] == [
        (1, 3, "mod_b"),
        (2, 3, "mod_b"),
    ]
    assert found[0]["signals"] == ["next_step", "owns"]
    assert found[0]["posted_at"] == "2026-03-03T08:00:00Z"
    assert store.kudos(since=NOON) == []


def test_statistics_tell_of_the_forum_and_of_no_person(store: Store) -> None:
    three_threads(store)
    found = store.stats(datetime(2026, 3, 2, tzinfo=UTC), NOON)
    assert found == {
        "posts": 6,
        "threads": 3,
        "flagged": 3,
        "signals": {"contradiction": 3, "next_step": 3, "owns": 3},
        "states": {"dropped": 3},
        "languages": {"de": 3},
        "waiting": 2,
    }
    assert store.stats(None, NOON)["posts"] == 9
    assert not any(name in str(found) for name in ("winni", "mod_a", "mod_b"))


def test_the_search_finds_visible_words_and_no_html(store: Store) -> None:
    save(store, post(text="<p class='mark'>Ärger mit dem Gerät</p>"), post(2, by="mod_a"))
    analyse(store, texts={1: "Ärger mit dem Gerät", 2: "Das Gerät ist gut"})
    (found,) = store.search("arger GERAT")
    assert (found["topic_id"], found["post_number"], found["username"]) == (4711, 1, "winni")
    assert "Ärger mit dem Gerät" in found["excerpt"]
    assert len(store.search("ger*")) == 2
    assert store.search("ger") == store.search("mark") == store.search("customer") == store.search("") == []
    save(store, post(2))
    assert store.search("Ärger") == []


@given(
    text=st.text(max_size=40)
    | st.sampled_from(['"', "a OR b", "NEAR(a b)", "words:x", "-x", "^x", "(", "a* *", "NOT", "'"])
)
def test_no_text_breaks_the_search(shared_store: Store, text: str) -> None:
    assert shared_store.search(text) == []


def test_staff_words_are_those_of_staff_newest_last(store: Store) -> None:
    three_threads(store)
    analyse(store, 1, texts={1: "Frage", 2: "Antwort", 3: "Noch eine"})
    assert store.staff_words() == [(1, "Antwort"), (1, "Noch eine")]
    assert store.staff_words(limit=1) == [(1, "Noch eine")]


# -- people

QUOTE = (
    '<aside class="quote" data-username="Winni" data-post="1"><div class="title">Winni:</div>'
    '<blockquote><p>geheimwort</p></blockquote></aside><p>Danke <a class="mention" href="/u/winni">@Winni</a>!</p>'
)


def a_busy_forum(store: Store) -> None:
    save(store, post(text="<p>altgeheim</p>"))
    save(
        store,
        post(1, text="<p>geheimwort</p>", user_id=55),
        post(2, by="mod_a", staff=True, text=QUOTE),
        post(
            3,
            by="mod_b",
            staff=True,
            cooked=None,
            raw='[quote="winni, post:1, topic:4711"]\ngeheimwort\n[/quote]\nHallo @winni.',
        ),
        title="Geheimtitel",
        accepted_answers=[{"post_number": 2, "accepter_username": "winni"}],
        details={"participants": [{"username": "winni", "primary_group_name": "kunden"}]},
    )
    save(store, post(2, by="mod_a", text="<p>alt: @winni</p>"), key=5)
    save(store, post(2, by="mod_a", text="<p>neu</p>"), key=5)
    save(store, post(1, by="otto"), key=6)
    analyse(store, texts={1: "geheimwort", 2: "Danke @Winni!", 3: "Hallo @winni."}, title="Geheimtitel")
    analyse(store, 6, posts=[])
    store.save_members(FORUM, ["winni", "mod_a"], NOON)


def test_a_forgotten_person_is_gone_from_the_file(store: Store, path: Path) -> None:
    a_busy_forum(store)
    assert b"geheim" in bytes_of(path)
    report = store.forget("WINNI", now=NOON)
    assert (report.posts, report.quoting, report.threads) == (1, 2, 2)
    left = bytes_of(path).lower()
    assert [word for word in (b"geheim", b"winni") if word in left] == []


def test_what_others_said_stays_without_the_quotes_and_mentions(store: Store) -> None:
    a_busy_forum(store)
    store.forget("winni", now=NOON)
    first, second, third = stored(store).posts
    assert (first.author, first.html, first.role) == ("deleted", "", Role.CUSTOMER)
    assert second.html == '<p>Danke <a class="mention" href="/u/deleted">@deleted</a>!</p>'
    assert third.raw == "\nHallo @deleted."
    assert stored(store).title == ""
    assert store.members(FORUM)[0] == {"mod_a"}


def test_threads_of_a_forgotten_person_are_analysed_again_and_keep_their_first_day(store: Store) -> None:
    a_busy_forum(store)
    assert due(store) == [5]
    store.forget("winni", now=NOON)
    assert due(store) == [4711, 5]
    assert [item["topic_id"] for item in store.escalated()] == [6]
    assert store.search("danke") == []
    analyse(store, judged_at="2026-03-09T12:00:00Z")
    assert store.escalated()[0]["first_flagged_at"] == "2026-03-05T12:00:00Z"


def test_the_next_poll_brings_nothing_back(store: Store, path: Path) -> None:
    a_busy_forum(store)
    store.forget("winni", now=NOON)
    before = stored(store)
    again = (post(1, by="Winni", text="<p>geheimwort</p>", user_id=55), post(2, by="mod_a", staff=True, text=QUOTE))
    third = post(
        3,
        by="mod_b",
        staff=True,
        cooked=None,
        raw='[quote="winni, post:1, topic:4711"]\ngeheimwort\n[/quote]\nHallo @winni.',
    )
    fields = {"title": "Geheimtitel", "accepted_answers": [{"post_number": 2, "accepter_username": "winni"}]}
    assert save(store, *again, third, **fields) == SaveReport()
    assert stored(store) == before
    save(store, *again, third, post(4, by="mod_a", text=QUOTE + "<p>neu</p>"), **fields)
    store.save_members(FORUM, ["winni"], NOON)
    assert stored(store).posts[3].html.endswith("@deleted</a>!</p><p>neu</p>")  # type: ignore[union-attr]
    assert b"geheim" not in bytes_of(path).lower()
    assert b"winni" not in bytes_of(path).lower()


def test_forgetting_somebody_unknown_or_twice_is_no_fault(store: Store) -> None:
    a_busy_forum(store)
    store.forget("winni", now=NOON)
    report = store.forget("winni", now=NOON)
    assert (report.posts, report.quoting, report.threads) == (0, 0, 0)


@pytest.mark.parametrize("name", ["a_b.c-d", "Jürgen_ß", "山田"])
def test_a_name_that_looks_alike_stays(store: Store, path: Path, name: str) -> None:
    other = "axb.c-d"
    mentions = f"<p>Hallo @{name} und @{other}</p>"
    accepted = {"post_number": 2, "accepter_username": name}
    save(store, post(1, by=name, text="<p>geheimwort</p>"), post(2, by=other, text=mentions), accepted_answer=accepted)
    assert store.forget(name, now=NOON).posts == 1
    assert [(found.author, found.html) for found in stored(store).posts] == [
        ("deleted", ""),
        (other, f"<p>Hallo @deleted und @{other}</p>"),
    ]
    assert name.encode() not in bytes_of(path)


@pytest.mark.parametrize("name", ["50%", "x' OR 1=1 --", '"', "\\", "[a-z]*"])
def test_a_hostile_name_is_only_a_name(store: Store, path: Path, name: str) -> None:
    save(store, post(1, by=name, text="<p>geheimwort</p>"), post(2, by="otto"))
    assert store.forget(name, now=NOON).posts == 1
    assert [found.author for found in stored(store).posts] == ["deleted", "otto"]
    assert b"geheim" not in bytes_of(path)


def test_traces_left_by_a_reader_are_told(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modassist.store.database.BUSY_SECONDS", 0.01)
    a_busy_forum(store)
    with Store.open(path) as impatient, Store.open(path, read_only=True) as reader:
        reader.db.run("BEGIN")
        reader.counts()
        with pytest.raises(StoreError, match=r"traces are left|is in use"):
            impatient.forget("winni", now=NOON)
        reader.db.run("COMMIT")
        assert stored(store).posts[0].html == ""
        impatient.forget("winni", now=NOON)
    assert b"geheim" not in bytes_of(path)


def test_purge_removes_whole_old_threads_from_the_file(store: Store, path: Path) -> None:
    save(store, post(1, text="<p>uraltwort</p>", created_at="2020-01-01T00:00:00Z"), key=1)
    save(store, post(1, text="<p>uraltwort aber</p>", created_at="2020-01-01T00:00:00Z"), post(2), key=1)
    save(store, post(1, text="<p>wegdamit</p>", created_at="2020-01-01T00:00:00Z"), key=2)
    analyse(store, 2, texts={1: "wegdamit"})
    report = store.purge(datetime(2026, 1, 1, tzinfo=UTC))
    assert (report.threads, report.posts, store.topic_ids()) == (1, 1, [1])
    assert b"wegdamit" not in bytes_of(path)
    assert b"uraltwort" in bytes_of(path)
    assert store.counts() == {
        "threads": 1,
        "posts": 2,
        "versions": 1,
        "analyses": 0,
        "findings": 0,
        "escalated": 0,
        "queued": 1,
    }


@pytest.mark.soak
def test_a_large_database_answers_at_once(path: Path) -> None:
    from time import perf_counter

    words = "<p>" + "Das Gerät geht nicht mehr. " * 14 + "</p>"
    with Store.open(path) as large:
        for start in range(0, 20_000, 500):
            with large.transaction():
                for key in range(start, start + 500):
                    large.save_topic(
                        topic(*(post(n, text=words, id=key * 10 + n) for n in range(1, 11)), key=key),
                        source=FORUM,
                        seen_at=NOON,
                    )
                    analyse(large, key, severity=key % 101, escalated=key % 4 == 0, texts={1: words})
    started = perf_counter()
    with Store.open(path, read_only=True) as large:
        assert [item["severity"]["score"] for item in large.escalated(limit=20)] == [100] * 20
        assert perf_counter() - started < 0.2
        assert large.counts()["posts"] == 200_000


# -- verdicts and threads put aside


def verdict(number: int, **fields: Any) -> Verdict:
    return replace(Verdict(number, b"hash", Answer.WRONG, ("dismissal",), ("blame",), NOON, "", "0.1"), **fields)


def aside(store: Store, key: int, mark: Mark, *reasons: str, severity: int = 50, note: str = "") -> None:
    store.put_aside(ThreadKey(FORUM, key), mark, Situation(frozenset(reasons), severity), note)


def test_verdicts_are_kept_by_forum_and_thread(store: Store) -> None:
    save(store, post(), post(2, by="mod_a"))
    other = ThreadKey("files", 4711)
    store.save_topic(topic(post(), post(2, by="mod_a")), source="files", seen_at=NOON)
    store.save_verdict(KEY, verdict(2, note="ironisch"))
    store.save_verdict(other, verdict(1))
    assert store.verdicts(KEY) == {2: verdict(2, note="ironisch")}
    assert store.judged_threads() == [other, KEY]
    store.remove_verdict(other, 1)
    assert store.judged_threads() == [KEY]


def test_forgetting_a_person_removes_the_verdicts_on_the_persons_posts_and_notes_with_the_name(store: Store) -> None:
    a_busy_forum(store)
    for number, note in ((1, "von winni"), (2, "Winni hat recht"), (3, "")):
        store.save_verdict(KEY, verdict(number, note=note))
    aside(store, 4711, Mark(done_at=NOON), note="winni angerufen")
    store.forget("winni", now=NOON)
    assert {number: each.note for number, each in store.verdicts(KEY).items()} == {2: "", 3: ""}
    assert b"winni" not in bytes_of(store.db.path).lower()


def test_purging_a_thread_takes_its_verdicts_and_marks_along(store: Store) -> None:
    save(store, post(1, created_at="2020-01-01T00:00:00Z"))
    store.save_verdict(KEY, verdict(1))
    aside(store, 4711, Mark(done_at=NOON))
    store.purge(NOON)
    for table in ("verdicts", "thread_marks", "set_aside"):
        assert store.db.value(f"SELECT count(*) FROM {table}") == 0


def test_threads_put_aside_are_left_out_where_asked(store: Store) -> None:
    three_threads(store)
    aside(store, 2, Mark(snoozed_until=NOON + timedelta(days=1)), "dropped", "contradiction", severity=90)
    hidden = store.hidden(NOON)
    assert list(hidden.values()) == ["snoozed"]
    assert [item["topic_id"] for item in store.escalated(without=hidden)] == [1]
    assert (store.count_escalated(), store.count_escalated(without=hidden)) == (2, 1)
    assert store.hidden(NOON + timedelta(days=1)) == {}
    store.take_back(ThreadKey(FORUM, 2))
    assert store.hidden(NOON) == {}


@pytest.mark.parametrize(
    ("fields", "is_back"),
    [
        ({}, False),
        ({"severity": 69}, False),
        ({"severity": 70}, True),
        ({"states": ("dropped", "broken_promise")}, True),
        ({"states": ("dropped", "resolved")}, False),
    ],
)
def test_a_snoozed_thread_is_back_when_it_got_worse(store: Store, fields: dict[str, Any], is_back: bool) -> None:
    save(store, post())
    analyse(store)
    aside(store, 4711, Mark(snoozed_until=NOON + timedelta(days=7)), "dropped", "contradiction")
    analyse(store, **fields)
    assert (store.hidden(NOON) == {}) is is_back


def test_a_done_thread_is_back_when_a_customer_writes_again_and_not_before(store: Store) -> None:
    save(store, post())
    analyse(store)
    aside(store, 4711, Mark(done_at=NOON), "dropped")
    analyse(store, severity=99)
    assert list(store.hidden(NOON + timedelta(days=99)).values()) == ["done"]
    again = said(4, "winni", "customer") | {"created_at": "2026-03-06T08:00:00Z"}
    analyse(store, posts=[*result()["posts"], again])
    assert store.hidden(NOON) == {}
