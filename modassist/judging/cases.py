"""A thread can hold several customers' troubles: each complaint with its answers is a case of its own.

The question of whose turn it is is asked per case. Nobody but staff can answer it: a peer's advice and the customer's
own reminders leave the case as open as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from modassist.model import JudgedPost, Role, Signal

CONTENT_SHARED = 2
"""Content words two complaints must share to be the same trouble where nobody says "same here"."""

STILL_MEANT = 3
"""A complaint is what the talk is about as long as it stands in one of the customer's so many last posts."""


@dataclass(frozen=True, slots=True)
class Case:
    """One customer's complaint: `posts` are the customer's from the complaint on, `answers` the staff posts to them."""

    customer: str
    posts: tuple[JudgedPost, ...]
    answers: tuple[JudgedPost, ...] = ()
    solved_by: JudgedPost | None = None

    @property
    def opened(self) -> JudgedPost:
        return self.posts[0]

    @property
    def waiting(self) -> tuple[JudgedPost, ...]:
        """The customer's posts that no staff post answers."""
        answered = {number for reply in self.answers for number in reply.answers}
        return tuple(post for post in self.posts if post.post.number not in answered)


def is_solved(post: JudgedPost) -> bool:
    """Whether the customer says in this post that the matter is settled."""
    return post.has_cue("solved") and not post.has_cue("still_broken", "chases") and not post.shows(Signal.COMPLAINT)


def unsettled(own: Sequence[JudgedPost]) -> list[JudgedPost]:
    """The complaints among a customer's posts, in their order, that the customer has not called settled since."""
    since = list(takewhile(lambda post: not is_solved(post), reversed(own)))
    return [post for post in reversed(since) if post.shows(Signal.COMPLAINT)]


def is_satisfied(post: JudgedPost) -> bool:
    """Thanks, praise, "I'll wait": a customer's word that asks for nothing."""
    if post.shows(Signal.COMPLAINT) or post.has_cue("still_broken", "chases", "question"):
        return False
    return post.shows(Signal.PRAISE) or post.has_cue("thanks", "waits", "solved")


def open_cases(posts: Sequence[JudgedPost]) -> tuple[Case, ...]:
    """All cases of a thread in the order in which they were opened, solved ones included.

    A customer who complains again after having called it solved opens a new case. So does a first post in a language
    that is not read here: its words are not judged, its waiting is.
    """
    own: dict[str, list[JudgedPost]] = {}
    closed: list[Case] = []
    for post in posts:
        if post.post.role is not Role.CUSTOMER:
            continue
        author = post.post.author
        if author in own:
            own[author].append(post)
            if is_solved(post):
                closed.append(Case(author, tuple(own.pop(author)), solved_by=post))
        elif post.shows(Signal.COMPLAINT) or post.has_cue("unread"):
            own[author] = [post]
    found = closed + [Case(author, tuple(its)) for author, its in own.items()]
    found.sort(key=lambda case: case.opened.post.number)
    return tuple(with_answers(case, posts) for case in found)


def with_answers(case: Case, posts: Sequence[JudgedPost]) -> Case:
    """The case with the staff posts that answer one of its posts."""
    numbers = {post.post.number for post in case.posts}
    answers = tuple(p for p in posts if p.post.role is Role.STAFF and numbers.intersection(p.answers))
    return Case(case.customer, case.posts, answers, case.solved_by)
