"""Staff replies that stand in other threads too: boilerplate is found by comparison, not by phrases alone.

A reply is cut into overlapping runs of five words (w-shingling, Broder 1997), digits and the names it addresses left
out. The share of its words that lie in runs seen in enough other threads is its coverage. Runs are kept as 64-bit
hashes in a bounded table, so memory stays constant however many posts go by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zlib import crc32

RUN = 5
"""Words in a run: shorter runs are idiom, longer ones miss small edits."""

SEEN_IN = 2
"""A run counts as boilerplate when it stood in so many other threads."""

MIN_WORDS = 8
CAPACITY = 400_000

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Wording:
    """A reply as runs of words: how many words it has, and a number for the run that begins at each of them."""

    words: int
    runs: tuple[int, ...]


def wording(text: str, names: Iterable[str] = ()) -> Wording:
    """The runs of a text without digits and the names it addresses. The same text gives the same numbers everywhere."""
    left_out = {name.lower() for name in names}
    words = [word for word in _WORD.findall(text.lower()) if word not in left_out]
    codes = [crc32(word.encode("utf-8", "replace")) for word in words]
    # hash() of a tuple of integers is not randomised, unlike that of a text
    runs = tuple(map(hash, zip(*(codes[i:] for i in range(RUN)), strict=False)))
    return Wording(len(words), runs)


class Boilerplate:
    """Which runs of words staff used in which threads. Not pure, but deterministic: same calls, same answers."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._threads: dict[int, tuple[int, ...]] = {}

    def learn(self, reply: Wording, thread_id: int) -> None:
        """Notes the runs of a staff reply. The oldest runs are forgotten when the table is full."""
        for run in reply.runs:
            known = self._threads.pop(run, ())
            if thread_id not in known and len(known) <= SEEN_IN:
                known = (*known, thread_id)
            self._threads[run] = known  # re-inserted: the most recently seen runs stand last
        while len(self._threads) > self._capacity:
            del self._threads[next(iter(self._threads))]

    def coverage(self, reply: Wording, thread_id: int) -> float:
        """Share (0..1) of the reply's words that stood in at least `SEEN_IN` other threads; 0 for short replies."""
        if reply.words < MIN_WORDS:
            return 0.0
        return len(set(self._covered(reply.runs, thread_id))) / reply.words

    def _covered(self, runs: tuple[int, ...], thread_id: int) -> Iterator[int]:
        for position, run in enumerate(runs):
            known = self._threads.get(run)
            if known is not None and len(known) - (thread_id in known) >= SEEN_IN:
                yield from range(position, position + RUN)
