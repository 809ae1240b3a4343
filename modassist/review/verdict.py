"""What a person says of one post, as it is kept: never a word of the post itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b

from modassist.model import GOOD_PRACTICE, Role


class Answer(StrEnum):
    """Whether the program was right about a post."""

    AGREE = "agree"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One person's word on one post. Signals by name; `text_sha` is that of the words that were judged."""

    post_number: int
    text_sha: bytes
    answer: Answer
    found: tuple[str, ...]
    """What the program had found in the post."""
    should_be: tuple[str, ...]
    """What it shows according to the person; where the program was right, the same."""
    at: datetime
    note: str = ""
    program: str = ""
    """Version of the program that had found it."""

    def labels(self, role: Role) -> frozenset[str]:
        """What the post shows for the training. The person is asked about what is bad in a staff reply, not about its
        good practice: there, what was found holds."""
        kept = {name for name in self.found if name in GOOD_PRACTICE} if role is Role.STAFF else set()
        return frozenset(kept.union(self.should_be))


def text_hash(text: str) -> bytes:
    """Names the words of a post without holding them: a verdict counts as long as they stay the same."""
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
