"""Figures as a table, as Markdown, as JSON, or as a page with plots."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from modassist.evaluation.measures import (
    ALARM_RATES,
    Bin,
    Figures,
    Interval,
    calibration_error,
    figures,
    macro_f1,
    precision_at,
    reliability,
)
from modassist.evaluation.observe import FLAGGED, NOTHING, Observation, Observed

BAD = ("contradiction", "dismissal", "condescension", "blame", "deflection", NOTHING)
GOOD = ("acknowledges", "apologizes", "owns", "next_step", "commits_time")


@dataclass(frozen=True, slots=True)
class Summary:
    """What stands above the table for one language."""

    lang: str
    macro_bad: float | None
    macro_good: float | None
    share_flagged: float | None
    evidence_fits: tuple[int, int]
    """(rightly flagged replies whose shown words overlap the marked ones, all with marked words)"""
    alarm_rates: tuple[tuple[float, float | None], ...]
    """(share of staff replies shown, precision among them)"""
    bins: tuple[Bin, ...]
    calibration_error: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is shown of one evaluation. `judged_by` names program and model."""

    judged_by: str
    files: tuple[str, ...]
    threads: int
    posts: int
    figures: tuple[Figures, ...]
    summaries: tuple[Summary, ...]


def report(observed: Observed, judged_by: str) -> Report:
    """The report of what was observed."""
    made = tuple(figures(observed.items))
    languages = sorted({item.lang for item in observed.items})
    summaries = tuple(_summary(lang, made, observed.items) for lang in languages)
    return Report(judged_by, tuple(observed.files), observed.threads, observed.posts, made, summaries)


def _summary(lang: str, made: Sequence[Figures], items: Sequence[Observation]) -> Summary:
    own = [each for each in made if each.lang == lang]
    flags = [item for item in items if item.lang == lang and item.label == FLAGGED]
    marked = [item.evidence_fits for item in flags if item.evidence_fits is not None]
    bins = tuple(reliability(flags))
    return Summary(
        lang=lang,
        macro_bad=macro_f1(own, BAD),
        macro_good=macro_f1(own, GOOD),
        share_flagged=sum(item.found for item in flags) / len(flags) if flags else None,
        evidence_fits=(sum(marked), len(marked)),
        alarm_rates=tuple((rate, precision_at(flags, rate)) for rate in ALARM_RATES),
        bins=bins,
        calibration_error=calibration_error(bins),
    )


def as_json(made: Report) -> str:
    """The report as one JSON object."""
    return json.dumps(asdict(made), ensure_ascii=False, indent=1)


def as_table(made: Report) -> str:
    """The report as plain text of less than 100 columns."""
    lines = [f"{made.threads} threads, {made.posts} posts, judged by {made.judged_by}", ""]
    for summary in made.summaries:
        lines += [f"{summary.lang}", _ROW.format(*_HEAD), *_rows(made, summary.lang, _ROW), *_facts(summary), ""]
    return "\n".join(lines)


def as_markdown(made: Report) -> str:
    """The report as Markdown tables, one a language."""
    lines = [f"{made.threads} threads, {made.posts} posts, judged by {made.judged_by}.", ""]
    for summary in made.summaries:
        row = "| {} | {} | {} | {} | {} | {} | {} |"
        lines += [f"**{summary.lang}**", "", row.format(*_HEAD), "|---|--:|--:|--:|--:|--:|--:|"]
        lines += [*_rows(made, summary.lang, row), "", *(f"- {fact.strip()}" for fact in _facts(summary)), ""]
    return "\n".join(lines)


_HEAD = ("label", "precision", "recall", "F1", "in gold", "false", "missed")
_ROW = "  {:<22} {:>17} {:>17} {:>17} {:>7} {:>6} {:>6}"


def _rows(made: Report, lang: str, row: str) -> Iterator[str]:
    for each in made.figures:
        if each.lang == lang:
            yield row.format(
                each.label,
                _share(each.precision, each.precision_interval),
                _share(each.recall, each.recall_interval),
                _share(each.f1, each.f1_interval),
                each.positives,
                each.false_alarms,
                each.misses,
            )


def _share(value: float | None, interval: Interval | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f} ({interval[0]:.2f}-{interval[1]:.2f})" if interval else f"{value:.2f}"


def _facts(summary: Summary) -> list[str]:
    facts = []
    if summary.macro_bad is not None:
        facts.append(f"  macro-F1 of the six bad signals {summary.macro_bad:.2f}")
    if summary.macro_good is not None:
        facts.append(f"  macro-F1 of good practice {summary.macro_good:.2f}")
    if summary.share_flagged is not None:
        facts.append(f"  flagged: {summary.share_flagged:.1%} of staff replies")
        rates = [f"{value:.2f} among the top {rate:.0%}" for rate, value in summary.alarm_rates if value is not None]
        facts.append(f"  precision of flags: {', '.join(rates)}")
    fits, marked = summary.evidence_fits
    if marked:
        facts.append(f"  words shown overlap the words marked by readers in {fits} of {marked} right flags")
    if summary.calibration_error is not None:
        facts.append(f"  calibration error of flags {summary.calibration_error:.3f}")
    return facts


def as_html(made: Report) -> str:
    """The report as one page that opens offline, with a reliability diagram and F1 bars a language."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("modassist", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page: dict[str, Any] = {"report": made, "share": _share, "facts": _facts}
    return environment.get_template("evaluation.html").render(page)


def errors(observed: Observed, label: str | None) -> Iterator[str]:
    """A line for every miss and false alarm, of one label or of all, with the text and the reasons given."""
    for item in observed.items:
        if item.expected != item.found and label in (None, item.label):
            kind = "missed" if item.expected else "false alarm"
            score = "" if item.score is None else f" {item.score:.2f}"
            yield f"{item.lang} {item.label} {kind}{score}: {item.text}  {item.reasons}".rstrip()
