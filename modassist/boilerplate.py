"""Staff replies that stand in other threads too: boilerplate is found by comparison, not by phrases alone.

A reply is cut into overlapping runs of five words (w-shingling, Broder 1997), digits and the names it addresses left
out. The share of its words that lie in runs seen in enough other threads is its coverage. Runs are kept as 64-bit
hashes in a bounded table, so memory stays constant however many posts go by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b

RUN = 5
"""Words in a run: shorter runs are idiom, longer ones miss small edits."""

SEEN_IN = 2
"""A run counts as boilerplate when it stood in so many other threads."""

MIN_WORDS = 8
CAPACITY = 400_000

_WORD = re.compile(r"[^\W\d_]+")


def _runs(text: str, names: Iterable[str] = ()) -> tuple[list[str], list[int]]:
    """Words and the hash of the run beginning at each of them."""
    left_out = {name.lower() for name in names}
    words = [word for word in (w.lower() for w in _WORD.findall(text)) if word not in left_out]
    return words, [_digest(words[i : i + RUN]) for i in range(len(words) - RUN + 1)]


def _digest(words: list[str]) -> int:
    return int.from_bytes(blake2b(" ".join(words).encode("utf-8", "replace"), digest_size=8).digest(), "big")


class Boilerplate:
    """Which runs of words staff used in which threads. Not pure, but deterministic: same calls, same answers."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._threads: dict[int, tuple[int, ...]] = {}

    def learn(self, text: str, thread_id: int, names: Iterable[str] = ()) -> None:
        """Notes the runs of a staff reply. The oldest runs are forgotten when the table is full."""
        for run in set(_runs(text, names)[1]):
            known = self._threads.pop(run, ())
            if thread_id not in known and len(known) <= SEEN_IN:
                known = (*known, thread_id)
            self._threads[run] = known  # re-inserted: the most recently seen runs stand last
        while len(self._threads) > self._capacity:
            del self._threads[next(iter(self._threads))]

    def coverage(self, text: str, thread_id: int, names: Iterable[str] = ()) -> float:
        """Share (0..1) of the reply's words that stood in at least `SEEN_IN` other threads; 0 for short replies."""
        words, runs = _runs(text, names)
        if len(words) < MIN_WORDS:
            return 0.0
        covered = set(self._covered(runs, thread_id))
        return len(covered) / len(words)

    def _covered(self, runs: list[int], thread_id: int) -> Iterator[int]:
        for position, run in enumerate(runs):
            others = [thread for thread in self._threads.get(run, ()) if thread != thread_id]
            if len(others) >= SEEN_IN:
                yield from range(position, position + RUN)
