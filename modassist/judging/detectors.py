"""What the core judges with, loaded once at the start and passed in: rule packs, languages, words for time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from modassist.advice import wordbook
from modassist.advice.wordbook import Wordbook
from modassist.judging import due
from modassist.judging.due import TimeWords
from modassist.judging.findings import Found
from modassist.judging.insults import Toxicity
from modassist.learned.features import View
from modassist.model import LANGUAGES, JudgedPost
from modassist.resources import load_yaml, rules_root
from modassist.rules import rulebook as rules
from modassist.rules import shelf
from modassist.text import language


class Learned(Protocol):
    """What weighs rules, words and context against each other: the trained model, or whoever trains it."""

    def judge(self, view: View, judged: JudgedPost, found: Found) -> JudgedPost:
        """The post with its findings; `found` is what rules and context gave it."""
        ...


@dataclass(frozen=True)
class Detectors:
    packs: rules.RulePacks
    identifier: language.Identifier
    times: dict[str, TimeWords]
    replies: dict[str, Wordbook]
    notes: dict[str, Wordbook]
    learned: Learned | None = None
    """The trained model; None: rules and context alone."""
    toxicity: Toxicity | None = None
    """What scores insults beside the rules, where it is switched on."""
    epoch: datetime = datetime(2026, 1, 5, 12, tzinfo=UTC)
    """An instant to measure dates in drafts from: any will do, a draft may name none."""


def load(folders: Sequence[Path] = (), disable: Sequence[str] = (), *, learned: Learned | None = None) -> Detectors:
    """Built-in packs and those in the user's own folders, which add to them or replace rules of the same id.

    What was made of them is kept in the user's cache folder, so that the next start need not make it again.
    `learned` is the trained model (`learned.loading`); without it rules and context judge alone. Raises RuleError
    where a pack is unsound.
    """
    root = rules_root()
    tables = {lang: load_yaml(root / lang / "times.yaml") for lang in LANGUAGES}
    packs = rules.load_packs(root, *folders, disable=tuple(disable), shelf=shelf.of_user())
    words = _books(root, "replies"), _books(root, "notes")
    return Detectors(packs, language.load(), due.load(tables), *words, learned=learned)


def _books(root: Path, name: str) -> dict[str, Wordbook]:
    paths = {lang: root / lang / f"{name}.yaml" for lang in LANGUAGES}
    return {lang: wordbook.read(load_yaml(path), path.name) for lang, path in paths.items()}
