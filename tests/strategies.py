"""Threads of any shape, for property tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from modassist.model import Post, PostKind, Role, Thread

NAMES = st.text(min_size=1, max_size=8).filter(lambda name: name.casefold() not in {"system", "discobot"})
MOMENTS = st.integers(0, 3 * 10**15).map(
    lambda micros: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)
KINDS = {
    PostKind.REGULAR: list(Role),
    PostKind.STAFF_COLOUR: [Role.STAFF, Role.AUTOMATIC],
    PostKind.SMALL_ACTION: [Role.AUTOMATIC],
}


@st.composite
def posts(draw: st.DrawFn, number: int) -> Post:
    kind = draw(st.sampled_from(list(KINDS)))
    created_at = draw(MOMENTS)
    return Post(
        number=number,
        author=draw(NAMES),
        role=draw(st.sampled_from(KINDS[kind])),
        created_at=created_at,
        html=draw(st.none() | st.text()),
        raw=draw(st.none() | st.text()),
        id=draw(st.none() | st.integers(1, 10**9)),
        kind=kind,
        action=draw(st.none() | st.just("closed.enabled")),
        reply_to=draw(st.none() | st.integers(1, 99)),
        accepted=draw(st.booleans()),
        edited_at=draw(
            st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=9)).map(lambda d: created_at + d)
        ),
    )


@st.composite
def threads(draw: st.DrawFn) -> Thread:
    return Thread(
        id=draw(st.integers(1, 10**9)),
        title=draw(st.text(max_size=20)),
        posts=tuple(draw(posts(number)) for number in sorted(draw(st.sets(st.integers(1, 99), max_size=3)))),
        slug=draw(st.text(max_size=9)),
        url=draw(st.just("") | st.just("https://forum.example.com/t/1")),
        category_id=draw(st.none() | st.integers(1, 99)),
        tags=tuple(draw(st.lists(st.text(max_size=5), max_size=2))),
        closed=draw(st.booleans()),
        archived=draw(st.booleans()),
        accepted_by_staff=draw(st.booleans()),
        now=draw(st.none() | MOMENTS),
    )
