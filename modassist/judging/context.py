"""What a staff reply answers, and whose words it only repeats.

A reply answers the posts it names: by the forum's reply link, by a quote block, by an @mention. Without any of these it
answers every customer post that staff has not answered yet; a further staff post without news from customers goes on
answering what the one before it did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from modassist.model import OwnWords, Post, Role

ECHO_WORDS = 4
"""From so many words on, a sentence that stands in an earlier post too is a repetition, not chance."""

_WORD = re.compile(r"\w+")
_INLINE_QUOTE = re.compile(
    r"„[^“”\"\n]{1,300}[“”\"]|“[^”\n]{1,300}”|”[^”\n]{1,300}”|\"[^\"\n]{1,300}\"|«[^»\n]{1,300}»|»[^«»\n]{1,300}[«»]"
)


@dataclass(slots=True)
class Pending:
    """Customer posts that staff has not answered so far, while a thread is read from its beginning."""

    by_number: dict[int, Post] = field(default_factory=dict)
    _waiting: list[int] = field(default_factory=list)
    _last: tuple[int, ...] = ()

    def add(self, post: Post) -> None:
        """Notes a post; a customer's waits for an answer from now on."""
        self.by_number[post.number] = post
        if post.role is Role.CUSTOMER:
            self._waiting.append(post.number)

    def answered_by(self, post: Post, words: OwnWords, speaks_to_all: Iterable[int] = ()) -> tuple[int, ...]:
        """Numbers of the customer posts that this staff post answers, the nearest first; they wait no longer.

        `speaks_to_all` are waiting posts that join in another one's trouble: who answers one of them answers all.
        """
        named = self._named(post, words)
        if named and not set(named) & set(speaks_to_all):
            authors = {self.by_number[number].author for number in named}
            rest = [n for n in reversed(self._waiting) if self.by_number[n].author in authors and n not in named]
            answers = (*named, *rest)
        else:
            rest = [n for n in reversed(self._waiting) if n not in named]
            answers = (*named, *rest) or self._last
        self._waiting = [number for number in self._waiting if number not in answers]
        self._last = answers
        return answers

    def _named(self, post: Post, words: OwnWords) -> list[int]:
        """Customer posts that the reply points at by link, quote or mention."""
        wanted = [post.reply_to, *(quote.post_number for quote in words.quotes)]
        numbers = [n for n in wanted if n in self.by_number and self.by_number[n].role is Role.CUSTOMER]
        for name in words.mentions:
            numbers += self._latest_of(name)
        return list(dict.fromkeys(n for n in numbers if n is not None))

    def _latest_of(self, name: str) -> list[int]:
        wanted = name.lower().lstrip("@")
        of_author = [
            n for n, post in self.by_number.items() if post.author.lower() == wanted and post.role is Role.CUSTOMER
        ]
        return of_author[-1:]

    def speaks_to_staff(self, post: Post) -> bool:
        """Whether the reply link leads to a colleague's post: staff talking among themselves."""
        target = self.by_number.get(post.reply_to or -1)
        return target is not None and target.role is Role.STAFF and target.author != post.author


def inline_quotes(text: str) -> list[tuple[int, int]]:
    """Ranges of `text` that stand in quotation marks, in German, English, Finnish or Swiss style."""
    return [match.span() for match in _INLINE_QUOTE.finditer(text)]


def normal(text: str) -> str:
    """Words of a text, lower-cased, with single blanks: for comparing wording, not for showing."""
    return " ".join(_WORD.findall(text.lower()))


class Earlier:
    """What was written before, for telling repeated words from a writer's own."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._unread: list[str] = []
        """Texts whose words nobody has asked for yet; in most threads nobody does."""

    def add(self, text: str) -> None:
        self._unread.append(text)

    def holds(self, passage: str) -> bool:
        """Whether this passage (of at least `ECHO_WORDS` words) stands word for word in an earlier post."""
        wanted = normal(passage)
        if wanted.count(" ") < ECHO_WORDS - 1:
            return False
        self._texts += [f" {normal(text)} " for text in self._unread]
        self._unread.clear()
        return any(f" {wanted} " in text for text in self._texts)
