"""What was made of rule packs is kept between two runs: the hits are the same, and nothing about it can stop a start."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from modassist.model import LANGUAGES
from modassist.resources import rules_root
from modassist.rules import matcher, rulebook
from modassist.rules.packs import read_folders
from modassist.rules.planfile import from_bytes, to_bytes
from modassist.rules.rulebook import Answered, RulePacks, load_packs
from modassist.rules.shelf import MOST, Shelf, digest_of, of_user

PACK = """signal: dismissal
lang: en
rules:
  - id: one-off
    title: Calls it a one-off
    why: The customer hears that it does not count.
    phrases: ["(just |merely |)(a|your) {odd} case", "?!", "(odd|strange) ... !", "^whatever( you say|)$", "mere(ly|) 5# per cent*"]
    must_match: ["Just a <<one off>>."]
    must_not_match: ["No comment."]
"""
TEXTS = (
    "That is just a rare case. What?!",
    "Odd, I must say! Whatever.",
    "Whatever you say. A mere 50 per cents.",
    "Nothing of it is so.",
)


def folder_of_packs(folder: Path, pack: str = PACK) -> Path:
    (folder / "en").mkdir(parents=True, exist_ok=True)
    (folder / "en" / "dismissal.yaml").write_text(pack, "utf-8")
    (folder / "en" / "lists.yaml").write_text('odd: [odd, rare, "one off", "curi?ous*"]\n', "utf-8")
    return folder


def hits(packs: RulePacks) -> list[list[tuple[str, int, int]]]:
    found = (packs.find(text, lang="en", role="staff") for text in TEXTS)
    return [[(hit.rule.id, hit.start, hit.end) for hit in its] for its in found]


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that the phrases of a pack are read."""
    made: list[int] = []
    read = matcher.read_rules

    def counted(*arguments: object) -> object:
        made.append(1)
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rulebook, "read_rules", counted)
    return made


def test_the_second_start_finds_the_same_and_reads_no_phrase(tmp_path: Path, readings: list[int]) -> None:
    packs, shelf = folder_of_packs(tmp_path / "packs"), Shelf(tmp_path / "shelf")
    plain = hits(load_packs(packs))
    assert sum(map(len, plain)) >= 4
    assert [hits(load_packs(packs, shelf=shelf)) for _ in range(3)] == [plain] * 3
    assert len(readings) == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: folder_of_packs(folder, PACK.replace("case", "thing")), id="phrase"),
        pytest.param(lambda folder: (folder / "en" / "lists.yaml").write_text("odd: [strange]\n"), id="list"),
    ],
)
def test_a_mended_rule_is_read_anew(tmp_path: Path, readings: list[int], change: Callable[[Path], object]) -> None:
    packs, shelf = folder_of_packs(tmp_path / "packs"), Shelf(tmp_path / "shelf")
    hits(load_packs(packs, shelf=shelf))
    change(packs)
    assert hits(load_packs(packs, shelf=shelf)) == hits(load_packs(packs))
    assert len(readings) == 2


def test_rules_switched_off_stay_off(tmp_path: Path) -> None:
    packs, shelf = folder_of_packs(tmp_path / "packs"), Shelf(tmp_path / "shelf")
    assert any(hits(load_packs(packs, shelf=shelf)))
    assert not any(hits(load_packs(packs, shelf=shelf, disable=["en/dismissal/one-off"])))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no such thing",
        zlib.compress(b"no JSON"),
        zlib.compress(b"[]"),
        zlib.compress(b"{}"),
        zlib.compress(b'{"texts":[],"patterns":[],"classes":[[1]],"shapes":[],"phrases":[],"anchors":[]}'),
    ],
)
def test_a_damaged_file_is_made_anew(tmp_path: Path, readings: list[int], content: bytes) -> None:
    packs, shelf = folder_of_packs(tmp_path / "packs"), Shelf(tmp_path / "shelf")
    plain = hits(load_packs(packs, shelf=shelf))
    [file] = (tmp_path / "shelf").iterdir()
    whole = file.read_bytes()
    file.write_bytes(content)
    assert hits(load_packs(packs, shelf=shelf)) == plain
    assert file.read_bytes() == whole
    assert len(readings) == 2


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    packs = folder_of_packs(tmp_path / "packs")
    (tmp_path / "file").write_text("no folder")
    assert hits(load_packs(packs, shelf=Shelf(tmp_path / "file" / "shelf"))) == hits(load_packs(packs))


def test_files_are_for_their_owner_alone_and_the_oldest_go(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "shelf"
    shelf = Shelf(folder)
    for number in range(MOST + 3):
        shelf.keep("en-staff", f"{number}", b"content")
        os.utime(folder / f"en-staff-{number}.plan", (number, number))
    shelf.keep("de-staff", "1", b"content")
    kept = {path.name for path in folder.iterdir()}
    assert kept == {f"en-staff-{number}.plan" for number in range(3, MOST + 3)} | {"de-staff-1.plan"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert shelf.take("en-staff", f"{MOST + 2}", bytes.decode) == "content"
    assert shelf.take("en-staff", "0", bytes.decode) is None


def test_it_lies_in_the_users_cache_folder() -> None:
    shelf = of_user()
    assert shelf is not None
    shelf.keep("en-staff", "1", b"content")
    assert (Path(os.environ["XDG_CACHE_HOME"]) / "modassist" / "en-staff-1.plan").is_file()


def test_an_account_without_a_home_has_no_shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as it is where no home is known
    assert of_user() is None


def test_a_digest_tells_its_parts_apart() -> None:
    assert len({digest_of(parts) for parts in ((), ("ab",), ("a", "b"), (["a", "b"],), ("b", "a"), ("\ud800",))}) == 6


@cache
def built_in() -> RulePacks:
    return RulePacks(read_folders([rules_root()]))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_built_in_packs_come_back_as_they_were(lang: str) -> None:
    rules = [rule for rule in built_in() if rule.lang == lang and rule.role != "customer"]
    grammar = built_in().grammar(lang)
    phrases, plan = matcher.read_rules(rules, grammar)
    again, same_plan = from_bytes(to_bytes(phrases, plan), grammar.alphabet)
    assert same_plan == plan
    assert [one.shape() for one in again] == [one.shape() for one in phrases]
    assert [one.has_signs for one in again] == [one.has_signs for one in phrases]
    kept, plain = matcher.Matcher(rules, grammar, (again, same_plan)), matcher.Matcher(rules, grammar, (phrases, plan))
    found = 0
    for rule in rules:
        example = rule.must_match[0]
        answered = built_in().answered_copy(Answered(example.answered or "", frozenset(rule.needs)), lang)
        copy = built_in().copy(example.text, lang)
        assert kept.find(copy, answered) == plain.find(copy, answered)
        found += bool(kept.find(copy, answered))
    assert found > len(rules) / 2
