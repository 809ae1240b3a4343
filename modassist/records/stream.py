"""Thread records in, result records out: in order, one at a time, without database and network."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modassist.config.settings import Settings
from modassist.errors import ModassistError, ModelError
from modassist.judging.analysis import analyse, to_record
from modassist.judging.boilerplate import Boilerplate
from modassist.judging.detectors import Detectors
from modassist.learned.loading import Weighers
from modassist.model import Analysis, Signal, Thread
from modassist.records.threads import BadRecord, Record, read_records, to_thread

if TYPE_CHECKING:
    from modassist.learned.toxicity import Detoxify

log = logging.getLogger("modassist")


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges one thread after the other with the same detectors and settings, remembering staff's wording across them.

    A record that names its own instant is judged at that, every other one at `now`.
    """

    detectors: Detectors
    settings: Settings
    now: datetime
    boilerplate: Boilerplate
    weighers: Weighers | None = None

    def analyse(self, thread: Thread) -> Analysis:
        """The analysis of one thread. Raises nothing for what a thread says."""
        return analyse(
            thread,
            self.detectors_for(thread.category_id),
            self.settings.limits,
            now=thread.now or self.now,
            note_lang=self.settings.language,
            boilerplate=self.boilerplate,
        )

    def detectors_for(self, category_id: int | None) -> Detectors:
        """What judges a thread of this category: how strictly, may differ by category."""
        if self.weighers is None:
            return self.detectors
        return replace(self.detectors, learned=self.weighers.for_category(category_id))


def load_judge(settings: Settings, now: datetime) -> Judge:
    """A judge with the rule packs and the model in force. Raises RuleError, ModelError or ConfigError for unsound ones."""
    from modassist.judging import detectors

    loaded = detectors.load(settings.rules.folders, settings.rules.disable)
    if settings.detection.toxicity != "off":
        loaded = replace(loaded, toxicity=load_toxicity(settings))
    return Judge(loaded, settings, now, Boilerplate(), load_weighers(settings))


def load_toxicity(settings: Settings) -> Detoxify | None:
    """detoxify as the settings want it, not yet loaded; None where it is off. Raises ConfigError or ModelError."""
    from modassist.judging.findings import PRESENT
    from modassist.learned.toxicity import load

    wanted = settings.detection
    present = dict(wanted.thresholds).get(Signal.ABUSE, PRESENT)
    return load(wanted.toxicity, wanted.toxicity_checkpoint, wanted.toxicity_sha256, present)


def load_weighers(settings: Settings) -> Weighers | None:
    """The trained model in force, with the lines that the settings draw; None where it is switched off."""
    from modassist.learned.loading import Weighers, encoder_for, model_path
    from modassist.learned.model_file import read

    wanted = settings.detection
    path = model_path(wanted.model, settings.database)
    if path is None:
        return None
    model = read(path)
    return Weighers(
        model,
        strictness=wanted.strictness,
        own=wanted.thresholds,
        by_category=wanted.categories,
        encoder=encoder_for(model, path, wanted.encoder),
    )


def analyse_files(
    files: Iterable[Path], judge: Judge, *, all_scores: bool = False, with_text: bool = False
) -> Iterator[dict[str, Any] | BadRecord]:
    """The result records of all files, in order; a `BadRecord` in place of each one that cannot be read or judged."""
    for file in files:
        for record in read_records(file):
            if isinstance(record, BadRecord):
                yield record
            else:
                yield _analysed(record, judge, all_scores, with_text)


def _analysed(record: Record, judge: Judge, all_scores: bool, with_text: bool) -> dict[str, Any] | BadRecord:
    settings = judge.settings
    try:
        thread = to_thread(
            record.data,
            staff=settings.staff,
            fallback_now=judge.now,
            forum_url=settings.forum.url,
            place=record.place,
        )
        return to_record(judge.analyse(thread), all_scores=all_scores, with_text=with_text)
    except ModelError:
        raise  # what judges is at fault, not this record
    except ModassistError as fault:
        message = fault.message.removeprefix(f"{record.place}: ")
        return BadRecord(record.place, message, fault.hint)
    except Exception as fault:  # one thread must not stop the others
        log.debug("%s", record.place, exc_info=True)
        return BadRecord(record.place, f"a fault in modassist itself: {type(fault).__name__}: {fault}")
