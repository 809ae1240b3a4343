"""What going through findings asks the world to do."""

from __future__ import annotations

from dataclasses import dataclass

from modassist.alerts.rules import Mark
from modassist.alerts.situation import Situation
from modassist.review.cases import Key
from modassist.review.verdict import Verdict


@dataclass(frozen=True, slots=True)
class SaveVerdict:
    key: Key
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class RemoveVerdict:
    key: Key
    post_number: int


@dataclass(frozen=True, slots=True)
class PutAside:
    key: Key
    mark: Mark
    situation: Situation
    note: str = ""


@dataclass(frozen=True, slots=True)
class TakeBack:
    key: Key


@dataclass(frozen=True, slots=True)
class OpenPage:
    url: str


@dataclass(frozen=True, slots=True)
class CopyDraft:
    topic_id: int
    text: str


Effect = SaveVerdict | RemoveVerdict | PutAside | TakeBack | OpenPage | CopyDraft
