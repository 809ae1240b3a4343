"""The texts that modassist proposes: reply drafts (`replies.yaml`) and internal notes (`notes.yaml`) of a language.

A part of a text has several sayings; each says when it fits. The first that fits and whose facts are all known is
taken, so authors put the particular before the general. Where a saying has several wordings, the thread's number
chooses, so that neighbouring threads read differently and the same thread always alike.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from modassist.errors import RuleError

NEUTRAL = "text"
"""The key of a wording that does not depend on the form of address."""


@dataclass(frozen=True, slots=True)
class Saying:
    """Wordings by form of address, with the conditions under which they fit ("not x" for absence)."""

    when: tuple[str, ...]
    wordings: Mapping[str, tuple[str, ...]]

    def fits(self, conditions: frozenset[str]) -> bool:
        return all(
            (name[4:] not in conditions) if name.startswith("not ") else (name in conditions) for name in self.when
        )

    def wording(self, register: str, choice: int) -> str:
        texts = self.wordings.get(register) or self.wordings[NEUTRAL]
        return texts[choice % len(texts)]


@dataclass(frozen=True, slots=True)
class Wordbook:
    """One file of texts: named parts, the usual form of address, and how a date and a duration are written."""

    lang: str
    default_register: str
    registers: tuple[str, ...]
    parts: Mapping[str, tuple[Saying, ...]]
    months: tuple[str, ...]
    date_form: str
    durations: Mapping[str, str]

    def date(self, instant: datetime, timezone: str) -> str:
        """A day as the language writes it, in the forum's time zone."""
        local = instant.astimezone(ZoneInfo(timezone))
        return self.date_form.format(day=local.day, month=self.months[local.month - 1])

    def duration(self, hours: float) -> str:
        """A waiting time in round words: hours up to two days, then days."""
        if hours < 48:
            return self.durations["hours"].format(n=round(hours))
        return self.durations["days"].format(n=round(hours / 24))

    def say(
        self, part: str, conditions: frozenset[str], facts: Mapping[str, str], *, register: str, choice: int
    ) -> str:
        """The first fitting saying of a part with its facts filled in; "" where none fits."""
        for saying in self.parts.get(part, ()):
            if not saying.fits(conditions):
                continue
            text = saying.wording(register, choice)
            if all(facts.get(name) for name in placeholders(text)):
                return text.format_map(facts)
        return ""

    def say_all(
        self, part: str, conditions: frozenset[str], facts: Mapping[str, str], *, register: str, choice: int
    ) -> tuple[str, ...]:
        """Every fitting saying of a part, in order: for lists of actions."""
        texts = [s.wording(register, choice) for s in self.parts.get(part, ()) if s.fits(conditions)]
        return tuple(text.format_map(facts) for text in texts if all(facts.get(n) for n in placeholders(text)))


def placeholders(text: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in string.Formatter().parse(text) if name)


def read(table: Mapping[str, Any], path: str) -> Wordbook:
    """A wordbook from its parsed YAML. Raises RuleError naming the file and part where a text is not usable."""
    registers = tuple(table.get("registers", ()))
    parts = {name: _sayings(name, sayings, registers, path) for name, sayings in table["parts"].items()}
    return Wordbook(
        lang=table["lang"],
        default_register=table.get("default_register", ""),
        registers=registers,
        parts=parts,
        months=tuple(table["months"]),
        date_form=table["date"],
        durations=table["durations"],
    )


def _sayings(
    part: str, sayings: Sequence[Mapping[str, Any]], registers: tuple[str, ...], path: str
) -> tuple[Saying, ...]:
    found = []
    for saying in sayings:
        wordings = {key: _texts(value) for key, value in saying.items() if key != "when"}
        if not (NEUTRAL in wordings or (registers and set(registers) <= set(wordings))):
            raise RuleError(f"{path}: part {part!r}: a text lacks one of the forms of address {registers}", "add it")
        found.append(Saying(tuple(saying.get("when", ())), wordings))
    return tuple(found)


def _texts(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value.strip(),) if isinstance(value, str) else tuple(text.strip() for text in value)
