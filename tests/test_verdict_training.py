"""Learning from the team: verdicts become examples, a worse model is refused, and 60 verdicts teach a forum's manner."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import modassist
import volunteers
from builders import customer, staff, thread
from modassist.alerts.rules import Mark
from modassist.cli import group
from modassist.commands import training
from modassist.config.settings import DetectionSettings, ForumSettings, Settings
from modassist.errors import ModelError
from modassist.judging import analysis, detectors
from modassist.judging.detectors import Detectors
from modassist.learned.loading import Weighers, own_model
from modassist.learned.model_file import TrainedModel, read, to_bytes
from modassist.model import FLAGGING, Limits, Role, Signal, Staff
from modassist.pipeline import Desk
from modassist.records.threads import to_thread
from modassist.review.cases import STAFF_CHOICES, Case, case_of
from modassist.review.effects import SaveVerdict
from modassist.review.machine import Action, Mode, Reviewer, Session
from modassist.review.verdict import Answer, Verdict, text_hash
from modassist.store.store import Store, ThreadKey
from modassist.text.own_words import own_words
from modassist.training import compare, trial, verdicts
from modassist.training.compare import Flags
from modassist.training.examples import LATER, LabelledThread, examples_of, read_threads
from modassist.training.trial import Ground, Reference, Trial

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
SOURCE = "https://forum.example.com"
GOLD = Path(__file__).parent / "gold"


def verdict(number: int, text: str, *should_be: str, found: Sequence[str] = ("dismissal", "owns")) -> Verdict:
    return Verdict(number, text_hash(text), Answer.WRONG, tuple(found), should_be, NOW)


# -- verdicts as examples --------------------------------------------------------------------------------------------

THREAD = thread(customer("The pump died."), staff("Nobody else has this."), staff("Which pump?"), customer("Mine."))


def labels(made: LabelledThread | None) -> dict[int, list[str]]:
    assert made is not None
    return {post["post_number"]: post["gold"]["signals"] for post in made.record["posts"] if "gold" in post}


def test_only_posts_with_a_verdict_get_labels() -> None:
    said = {2: verdict(2, "Nobody else has this.", "blame"), 4: verdict(4, "Mine.", "complaint")}
    assert labels(verdicts.labelled(SOURCE, THREAD, said)) == {2: ["blame", "owns"], 4: ["complaint"]}


def test_a_verdict_on_words_that_were_changed_since_is_no_label() -> None:
    said = {2: verdict(2, "Nobody else has that."), 3: verdict(3, "Which pump?")}
    assert labels(verdicts.labelled(SOURCE, THREAD, said)) == {3: ["owns"]}
    assert verdicts.labelled(SOURCE, THREAD, {2: verdict(2, "Other words")}) is None


def test_posts_without_a_label_are_context_and_no_examples() -> None:
    made = verdicts.labelled(SOURCE, THREAD, {3: verdict(3, "Which pump?")})
    assert made is not None
    (example,) = examples_of(made, detectors.load())
    assert (example.place[1], example.view.role) == (3, Role.STAFF)
    assert verdicts.is_verdict(example)
    assert verdicts.weight(example) == verdicts.WEIGHT > 1


def test_which_threads_are_held_out_does_not_depend_on_the_others() -> None:
    many = [LabelledThread(f"verdicts/{SOURCE}/{number}", "verdicts", {"posts": []}) for number in range(200)]
    whole = {one.name for one in verdicts.part(many).held_out}
    assert 30 < len(whole) < 70
    assert {one.name for one in verdicts.part(many[::3]).held_out} == whole & {one.name for one in many[::3]}


# -- comparing -------------------------------------------------------------------------------------------------------


def test_flags_are_counted_by_hand() -> None:
    found = compare.counted([(True, True), (True, True), (True, False), (False, True), (False, False)])
    assert found == Flags(2, 1, 1, 5)
    assert found.precision == pytest.approx(2 / 3)
    assert found.f1 == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("after", "before", "slack", "loses"),
    [
        (Flags(8, 2, 2, 50), Flags(8, 2, 2, 50), 0.0, False),
        (Flags(7, 1, 3, 50), Flags(8, 2, 2, 50), 0.0, True),
        (Flags(9, 3, 1, 50), Flags(8, 2, 2, 50), 0.0, True),
        (Flags(79, 21, 21, 500), Flags(80, 20, 20, 500), 0.011, False),
        (Flags(78, 22, 22, 500), Flags(80, 20, 20, 500), 0.011, True),
        (Flags(0, 0, 4, 9), Flags(0, 3, 4, 9), 0.0, False),
        (Flags(0, 0, 0, 9), Flags(0, 3, 0, 9), 0.0, False),
    ],
)
def test_losing_is_less_f1_or_less_precision_beyond_the_slack(
    after: Flags, before: Flags, slack: float, loses: bool
) -> None:
    assert after.loses_to(before, slack) is loses


def test_a_trial_is_won_where_nothing_is_lost() -> None:
    held, corpora = Flags(4, 4, 0, 12), Flags(80, 10, 20, 500)
    won = Trial(TrainedModel({}, {}), held, Flags(4, 1, 0, 12), corpora, corpora)
    assert won.is_won
    assert not replace(won, held_out_after=Flags(2, 0, 3, 12)).is_won
    assert not replace(won, corpora_after=Flags(70, 20, 30, 500)).is_won


# -- a volunteers' forum ---------------------------------------------------------------------------------------------

LINE = 0.03
"""Where the moderator of this test draws the line: much is shown, and much of it wrongly."""
VERDICTS = 60


@dataclass(frozen=True)
class Forum:
    """The simulated forum in two parts: threads that are reviewed, and threads that no model learns from."""

    reviewed: Sequence[Mapping[str, Any]]
    unseen: Sequence[Mapping[str, Any]]


@cache
def forum() -> Forum:
    records = volunteers.records()
    return Forum([r for r in records if r["id"] % 3], [r for r in records if not r["id"] % 3])


@cache
def ground() -> Ground:
    """A part of the labelled threads of the tests, with flags as their only labels: quick to train on."""
    threads = [slim(one) for one in read_threads([GOLD]) if one.source in ("en", "de")]
    return Ground(threads, detectors.load(), {"trained": "in a test", "corpora": "gold"}, lambda line: None)


def slim(one: LabelledThread) -> LabelledThread:
    kept = {Signal.COMPLAINT, *FLAGGING}
    posts = [{**post, "gold": {"signals": sorted(kept & {*post["gold"]["signals"]})}} for post in one.record["posts"]]
    return replace(one, record={**one.record, "posts": posts})


@cache
def before() -> tuple[TrainedModel, Reference]:
    return trial.plain(ground())


def judging_by(model: TrainedModel) -> Any:
    weighers = Weighers(model, own=[("flag", LINE)])
    return lambda category: replace(ground().detectors, learned=weighers.for_category(category))


def truth(records: Sequence[Mapping[str, Any]]) -> dict[tuple[int, int], tuple[str, ...]]:
    """What the forum's own moderator says of each reply."""
    return {
        (record["id"], post["post_number"]): tuple(post["gold"]["signals"])
        for record in records
        for post in record["posts"]
        if "gold" in post
    }


def cases(model: TrainedModel) -> list[Case]:
    """The threads to be reviewed, those with the likeliest flags first."""
    made = []
    for record in forum().reviewed:
        plain = {**record, "posts": [{k: v for k, v in post.items() if k != "gold"} for post in record["posts"]]}
        parsed = to_thread(plain, staff=Staff())
        now = max(post.created_at for post in parsed.posts) + LATER
        found = analysis.analyse(parsed, judging_by(model)(None), Limits(), now=now)
        sure = max((post.flag_score or 0.0 for post in found.judgement.posts), default=0.0)
        shown = analysis.to_record(found, with_text=True)
        made.append((sure, case_of(SOURCE, shown, {}, Mark(), again=True)))
    return [case for _, case in sorted(made, key=lambda pair: -pair[0])]


def keys_for(who: Reviewer, session: Session, known: Mapping[tuple[int, int], tuple[str, ...]]) -> str:
    """What a moderator presses here who knows what each reply deserves."""
    case = who.case(session)
    question = who.question(session)
    if session.mode is Mode.FINDING and question is not None and question.role is Role.STAFF:
        deserved = known[case.key[1], question.post_number]
        return "w" + digits(deserved) if set(deserved) != set(question.found) & {*STAFF_CHOICES} else "a"
    if session.mode is Mode.THREAD:
        for key, reply in who.replies(session).items():
            place = (case.key[1], reply.post_number)
            if known[place] and (session.case, reply.post_number) not in session.given:
                return f"m{key}{digits(known[place])}"
    return " "


def digits(signals: Sequence[str]) -> str:
    chosen = [str(number) for number, signal in enumerate(STAFF_CHOICES, 1) if signal in signals]
    return "".join(chosen) + "\r" if chosen else "0"


def reviewed_by_a_moderator(who: Reviewer) -> dict[int, dict[int, Verdict]]:
    """The verdicts of a review that ends after so many."""
    known, given = truth(forum().reviewed), dict[int, dict[int, Verdict]]()
    session = who.start()
    while session.mode is not Mode.END and sum(map(len, given.values())) < VERDICTS:
        for key in keys_for(who, session, known):
            session, effects = who.press(session, key)
            for effect in effects:
                if isinstance(effect, SaveVerdict):
                    given.setdefault(effect.key[1], {})[effect.verdict.post_number] = effect.verdict
    return given


def judged_threads(given: Mapping[int, Mapping[int, Verdict]]) -> list[LabelledThread]:
    records = {record["id"]: record for record in forum().reviewed}
    made = [verdicts.labelled(SOURCE, to_thread(records[key], staff=Staff()), said) for key, said in given.items()]
    return [one for one in made if one is not None]


def ranked(model: TrainedModel) -> list[bool]:
    """Whether the unseen replies deserve a flag, in the order of the model's probabilities."""
    found, known = list[tuple[float, bool]](), truth(forum().unseen)
    for record in forum().unseen:
        parsed = to_thread(record, staff=Staff())
        now = max(post.created_at for post in parsed.posts) + LATER
        judged: Detectors = judging_by(model)(None)
        for post in analysis.judge(parsed, judged, Limits(), now=now).posts:
            if post.post.role is Role.STAFF:
                found.append((post.flag_score or 0.0, bool(known[record["id"], post.post.number])))
    return [deserved for _, deserved in sorted(found, key=lambda pair: -pair[0])]


def test_sixty_verdicts_on_a_forums_manner_of_speaking_raise_the_precision_of_its_flags() -> None:
    model, reference = before()
    who = Reviewer(cases(model), {action_key(action): action for action in Action}, NOW)
    given = reviewed_by_a_moderator(who)
    said = sum(map(len, given.values()))
    assert VERDICTS - 15 <= said <= VERDICTS  # as many as the model finds something to ask about
    found = trial.attempt(
        ground(),
        judged_threads(given),
        in_use=judging_by(model),
        with_model=judging_by,
        known={**model.about},
    )
    assert found.corpora_before == reference.flags
    old, new = ranked(model), ranked(found.model)
    fifth = len(old) // 5
    assert sum(new[:fifth]) / fifth >= sum(old[:fifth]) / fifth + 0.1


def action_key(action: Action) -> str:
    return {"agree": "a", "wrong": "w", "missed": "m", "skip": " ", "back": "b"}.get(action, f"<{action}>")


# -- when there is too little ----------------------------------------------------------------------------------------


def nothing_in_force(category: int | None) -> Detectors:
    return ground().detectors


def judged(number: int) -> list[LabelledThread]:
    posts = [{"post_number": 1, "staff": True, "gold": {"signals": []}}]
    return [LabelledThread(f"verdicts/{SOURCE}/{key}", "verdicts", {"posts": posts}) for key in range(number)]


@pytest.mark.parametrize(("number", "message"), [(3, "3 staff replies have a verdict, 20 are needed"), (0, "0 staff")])
def test_too_few_verdicts_are_refused_before_anything_is_trained(number: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        trial.attempt(
            ground(), judged(number), in_use=nothing_in_force, with_model=lambda model: nothing_in_force, known={}
        )


def test_verdicts_that_leave_nothing_to_compare_by_are_refused() -> None:
    learning = [one for one in judged(99) if one in verdicts.part(judged(99)).learning]
    with pytest.raises(ModelError, match="only 0 of the verdicts"):
        trial.attempt(ground(), learning, in_use=nothing_in_force, with_model=lambda model: nothing_in_force, known={})


# -- the command -----------------------------------------------------------------------------------------------------

EMPTY = TrainedModel({}, {})


def run(*args: object) -> Result:
    result = CliRunner().invoke(group, ["train", *map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_without_scikit_learn_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = run()
    assert result.exit_code == 1
    assert result.stderr == "modassist: training needs scikit-learn (pip install 'modassist[train]')\n"


def test_an_installed_package_says_that_it_carries_no_corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modassist, "__file__", str(tmp_path / "modassist" / "__init__.py"))
    result = run()
    assert (result.exit_code, "--corpora names a folder" in result.stderr) == (1, True)


def test_a_folder_without_labelled_threads_is_named(tmp_path: Path) -> None:
    result = run("--corpora", tmp_path)
    assert (result.exit_code, "no labelled threads" in result.stderr) == (1, True)


def test_training_with_verdicts_needs_some() -> None:
    Store.open(Path("modassist.sqlite")).close()
    result = run("--with-verdicts", "--corpora", GOLD / "en.jsonl")
    assert (result.exit_code, "modassist review asks for them" in result.stderr) == (1, True)


@pytest.fixture
def with_verdicts() -> Path:
    """A database with a verdict."""
    database = Path("modassist.sqlite")
    with Store.open(database) as store:
        record = volunteers.records()[0]
        store.save_topic(record, source=SOURCE, seen_at=NOW)
        store.save_verdict(ThreadKey(SOURCE, record["id"]), verdict(2, own_words(None, record["posts"][1]["raw"]).text))
    return database


def trying(monkeypatch: pytest.MonkeyPatch, model: TrainedModel, after: Flags) -> list[Sequence[LabelledThread]]:
    """Puts this outcome in the place of a training, and notes from which threads it would have learnt."""
    asked: list[Sequence[LabelledThread]] = []

    def attempt(ground: Ground, judged: Sequence[LabelledThread], **more: object) -> Trial:
        asked.append(judged)
        return Trial(model, Flags(4, 4, 0, 12), after, Flags(80, 10, 20, 500), Flags(80, 10, 20, 500))

    monkeypatch.setattr(trial, "attempt", attempt)
    return asked


def test_a_model_that_wins_is_put_in_use_and_the_earlier_one_kept_beside_it(
    with_verdicts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = trying(monkeypatch, before()[0], Flags(4, 1, 0, 12))
    own_model(with_verdicts).write_bytes(to_bytes(before()[0]))
    result = run("--with-verdicts", "--corpora", GOLD / "en.jsonl")
    assert result.exit_code == 0
    assert [labels(one) for one in asked[0]] == [{2: ["owns"]}]
    assert re_flat(result.stdout) == [
        "held-out verdicts, in use flags 8 of 12 replies precision 0.500 F1 0.667",
        "held-out verdicts, new flags 5 of 12 replies precision 0.800 F1 0.889",
        "corpora, without verdicts flags 90 of 500 replies precision 0.889 F1 0.842",
        "corpora, with verdicts flags 90 of 500 replies precision 0.889 F1 0.842",
    ]
    assert read(own_model(with_verdicts)).about["corpora"] == "gold"
    assert own_model(with_verdicts).with_suffix(".model.before").exists()


def re_flat(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_model_that_loses_leaves_the_one_in_use(with_verdicts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trying(monkeypatch, EMPTY, Flags(2, 3, 2, 12))
    result = run("--with-verdicts", "--corpora", GOLD / "en.jsonl")
    assert (result.exit_code, "the one in use stays" in result.stderr) == (0, True)
    assert not own_model(with_verdicts).exists()


def test_a_trained_model_judges_from_then_on() -> None:
    few = Path("few.jsonl")
    few.write_text("".join((GOLD / "en.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:12]), "utf-8")
    result = run("--corpora", few, "--now", NOW.isoformat())
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("corpora, held out")
    about = read(Path("modassist.sqlite.model")).about
    assert (about["trained"], about["threads"], about["verdicts"]) == ("2026-03-05", 12, 0)
    with Store.open(Path("modassist.sqlite")) as store:
        desk = Desk(store, Settings(forum=ForumSettings(url=SOURCE)), NOW)
        assert desk.judge.weighers is not None
        assert desk.judge.weighers.model.about == about


def test_the_configured_model_is_the_one_that_is_replaced() -> None:
    settings = Settings(detection=DetectionSettings(model="own.model"))
    assert training._usual_file(settings) == Path("own.model")
    assert training._usual_file(Settings(detection=DetectionSettings(model="off"))) == own_model(Settings().database)


def test_a_model_that_cannot_be_written_says_so_and_leaves_nothing_half(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="cannot be written"):
        training._write(tmp_path / "no-such-folder" / "x.model", before()[0])
