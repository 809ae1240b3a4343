"""Rule packs: reading them with all faults at once, searching posts with all conditions, proving the examples."""

from __future__ import annotations

import textwrap
from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from modassist.errors import RuleError
from modassist.model import LANGUAGES, Role, Signal
from modassist.resources import rules_root
from modassist.rules.packs import NOT_PACKS, pack_files, read_folders
from modassist.rules.rulebook import Answered, Hit, RulePacks, check, combine, load_packs
from modassist.rules.rulecheck import check_paths, example_faults, main
from modassist.rules.search import Search

HEAD = "signal: dismissal\nlang: en\nrules:\n"
COMPLAINT = Answered("The pump is broken", frozenset({"complaint"}))


def rule(fields: str = "", id: str = "one-off", phrases: str = '["one off"]') -> str:
    text = f"""
    id: {id}
    title: Calls it a one-off
    why: The customer hears that it does not count.
    phrases: {phrases}
    must_match: ["Just a <<one off>>."]
    must_not_match: ["No comment."]
    """
    body = textwrap.dedent(text).strip() + ("\n" + textwrap.dedent(fields).strip() if fields else "")
    return "  - " + body.replace("\n", "\n    ") + "\n"


def pack(folder: Path, content: str, lang: str = "en", name: str = "dismissal.yaml") -> Path:
    path = folder / lang / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return path


def packs(folder: Path, *rules: str) -> RulePacks:
    pack(folder, HEAD + "".join(rules))
    return load_packs(folder)


def words(hits: list[Hit], text: str) -> list[str]:
    return [text[hit.start : hit.end] for hit in hits]


def find(found: RulePacks, text: str, answered: Answered | None = None, role: Role = Role.STAFF) -> list[str]:
    return words(found.find(text, lang="en", role=role, answered=answered), text)


# --- reading -----------------------------------------------------------------------------------------------------------


def test_a_rule_is_known_by_language_signal_and_id(tmp_path: Path) -> None:
    found = packs(tmp_path, rule("weight: strong"))
    one = found.by_id["en/dismissal/one-off"]
    assert (one.signal, one.role, one.weight, one.line) == (Signal.DISMISSAL, "staff", 0.9, 4)
    assert len(found) == 1
    assert list(found) == [one]
    assert found.counts() == {("en", "dismissal"): 1}


FAULTS = {
    "no YAML": ("signal: [", "is no YAML"),
    "no mapping": ("- 1\n", "is no mapping"),
    "wrong language": (HEAD.replace("en", "sv") + rule(), "lang is „sv“"),
    "wrong folder": (HEAD.replace("en", "de") + rule(), "lies in the folder en/"),
    "unknown signal": (HEAD.replace("dismissal", "dismisal") + rule(), "did you mean „dismissal“"),
    "signal in another file": (HEAD.replace("dismissal", "blame") + rule(), "move it to blame.yaml"),
    "signal and cue": ("cue: promise\n" + HEAD + rule(), "either `signal:` or `cue:`"),
    "unknown cue": ("cue: promis\nlang: en\nrules:\n" + rule(), "did you mean „promise“"),
    "wrong role": ("role: customer\n" + HEAD + rule(), "role: staff"),
    "unknown pack field": ("titel: x\n" + HEAD + rule(), "unknown field „titel“"),
    "no rules": ("signal: dismissal\nlang: en\n", "no list `rules`"),
    "unknown field": (HEAD + rule("unles: [x]"), "did you mean „unless“"),
    "key twice": (HEAD + rule("title: again"), "„title“ stands twice"),
    "id twice": (HEAD + rule() + rule(), "stands already at"),
    "id with path": (HEAD + rule(id="en/dismissal/x"), "without „en/dismissal/“"),
    "weight": (HEAD + rule("weight: heavy"), "weak, medium or strong"),
    "sentence": (HEAD + rule("sentence: exclamation"), "any, statement, question"),
    "max_words": (HEAD + rule("max_words: -1"), "1 to 10000"),
    "needs": (HEAD + rule("needs: [complain]"), "did you mean „complaint“"),
    "no phrases": (HEAD + rule(phrases="[]"), "has no phrases"),
    "marks": (HEAD + rule().replace("<<one", "one"), "do not pair up"),
    "gap": (HEAD + rule("known_gaps: [x]"), "a known gap is"),
    "dialogue": (HEAD + rule("known_gaps: [{missed: {staff: x}}]"), "an example is a text or"),
    "text": (HEAD + rule("false_positives: [a]"), "is no text"),
    "no examples": (HEAD + rule().replace('["No comment."]', "[]"), "has no must_not_match"),
}


@pytest.mark.parametrize(("content", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_with_path_and_line_and_the_way_out(tmp_path: Path, content: str, message: str) -> None:
    path = pack(tmp_path, content)
    with pytest.raises(RuleError) as caught:
        load_packs(tmp_path)
    fault = next(fault for fault in caught.value.faults if message in fault)
    assert fault.startswith(f"{path}:")
    assert fault[len(f"{path}:") :].split(":")[0].isdecimal()
    assert str(path) in str(caught.value)


def test_all_faults_come_at_once_in_order_of_their_lines(tmp_path: Path) -> None:
    path = pack(tmp_path, HEAD + rule("weight: x", id="a") + rule("sentence: y", id="b"))
    lines = check([path])
    assert len(lines) == 2
    assert "en/dismissal/a: weight" in lines[0]
    assert "en/dismissal/b: „y“" in lines[1]


def test_a_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="nowhere"):
        load_packs(tmp_path / "nowhere")


def test_an_unreadable_file_is_a_fault_of_that_file(tmp_path: Path) -> None:
    path = pack(tmp_path, "")
    path.write_bytes(b"signal: \xff\xfe")
    with pytest.raises(RuleError, match="cannot be read"):
        load_packs(tmp_path)


def test_words_that_yaml_takes_for_values_stay_words(tmp_path: Path) -> None:
    assert find(packs(tmp_path, rule(phrases="[no, 3, null]")), "Yes or no, 3 times null.") == ["no", "3", "null"]


def test_a_file_may_hold_several_packs(tmp_path: Path) -> None:
    cues = "".join(f"---\ncue: {cue}\nlang: en\nrules:\n{rule()}" for cue in ("promise", "closing", "thanks"))
    pack(tmp_path, cues, name="cues.yaml")
    found = load_packs(tmp_path)
    assert [hit.rule.cue for hit in found.find("A one off", lang="en", role="staff")] == ["promise", "closing"]
    assert [hit.rule.cue for hit in found.find("A one off", lang="en", role="customer")] == ["thanks"]


def test_a_later_folder_replaces_adds_and_disables_rules(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    pack(theirs, HEAD + rule() + rule(id="second", phrases='["second"]') + rule(id="third", phrases='["third"]'))
    changed = rule(phrases='["mere chance"]')
    pack(mine, HEAD + changed + rule(id="mine", phrases='["mine"]') + "  - {id: second, disabled: true}\n")
    text = "one off, mere chance, second, third, mine"
    assert sorted(find(load_packs(theirs, mine), text)) == ["mere chance", "mine", "third"]


def test_switching_off_a_rule_that_does_not_exist_is_a_fault(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    pack(theirs, HEAD + rule(id="second", phrases='["second"]'))
    pack(mine, HEAD + "  - {id: secund, disabled: true}\n")
    with pytest.raises(RuleError, match="secund: switches off a rule that does not exist, did you mean"):
        load_packs(theirs, mine)


def test_rules_are_switched_off_by_id_or_pattern(tmp_path: Path) -> None:
    pack(tmp_path, HEAD + rule() + rule(id="second", phrases='["second"]'))
    text = "one off, second"
    assert find(load_packs(tmp_path, disable=["en/dismissal/second"]), text) == ["one off"]
    assert find(load_packs(tmp_path, disable=["en/dismissal/*"]), text) == []
    with pytest.raises(RuleError, match="did you mean"):
        load_packs(tmp_path, disable=["en/dismissal/secund"])


def test_a_flat_folder_of_packs_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(HEAD + rule(), "utf-8")
    assert len(load_packs(tmp_path)) == 1


# --- searching ---------------------------------------------------------------------------------------------------------


def test_hits_are_exact_words_of_the_original_text(tmp_path: Path) -> None:
    text = "İstanbul’s case – „a ONE-OFF“, really."
    assert find(packs(tmp_path, rule()), text) == ["ONE-OFF"]


def test_hits_name_their_sentence(tmp_path: Path) -> None:
    hits = packs(tmp_path, rule()).find("Hello. It is a one off. One off!", lang="en", role=Role.STAFF)
    assert [hit.sentence for hit in hits] == [1, 2]


def test_a_phrase_never_crosses_the_end_of_a_sentence(tmp_path: Path) -> None:
    assert find(packs(tmp_path, rule(phrases='["one ... off"]')), "This is one. Off you go.") == []


def test_overlapping_hits_of_a_rule_are_one_and_of_two_rules_are_two(tmp_path: Path) -> None:
    found = packs(tmp_path, rule(phrases='["a one off", "one off case"]'), rule(id="b", phrases='["off case"]'))
    assert find(found, "Just a one off case here") == ["a one off case", "off case"]


def test_misspellings_are_righted_and_evidence_keeps_them(tmp_path: Path) -> None:
    pack(tmp_path, "onne: one\noneoff: one off\n", name="spelling.yaml")
    found = packs(tmp_path, rule(), rule(id="b", phrases='["off case"]'))
    assert find(found, "An onne off. A oneoff case. Nothing.") == ["onne off", "oneoff", "oneoff case"]
    assert find(found, "A phonneoff") == []


def test_lists_of_a_users_folder_add_to_those_before(tmp_path: Path) -> None:
    pack(tmp_path / "a", "rare: [rare]\n", name="lists.yaml")
    pack(tmp_path / "a", HEAD + rule(phrases='["{rare} case"]'))
    pack(tmp_path / "b", "rare: [odd]\n", name="lists.yaml")
    assert find(load_packs(tmp_path / "a", tmp_path / "b"), "A rare case, an odd case") == ["odd case"]


@pytest.mark.parametrize("lang", ["und", "sv", ""])
def test_other_languages_and_automatic_posts_give_nothing(tmp_path: Path, lang: str) -> None:
    found = packs(tmp_path, rule())
    assert found.find("one off", lang=lang, role=Role.STAFF) == []
    assert found.find("one off", lang="en", role=Role.AUTOMATIC) == []
    assert found.find("", lang="en", role=Role.STAFF) == []
    assert found.find("one off", lang="en", role=Role.CUSTOMER) == []


CONDITIONS = {
    "unless": ('unless: ["not ... one off"]', "This is not a one off. A one off.", ["one off"]),
    "unless_post": ('unless_post: ["i will fix it"]', "A one off. I will fix it.", []),
    "needs_post elsewhere": ('needs_post: ["sadly"]', "A one off. Sadly.", ["one off"]),
    "needs_post not there": ('needs_post: ["sadly"]', "A one off.", []),
    "needs_post in the hit itself": ('needs_post: ["off"]', "A one off.", []),
    "question": ("sentence: question", "A one off? A one off.", ["one off"]),
    "statement": ("sentence: statement", "Well, one off? (one off)", ["one off"]),
    "first": ("position: first", "One off. One off.", ["One off"]),
    "last": ("position: last", "One off. one off.", ["one off"]),
    "max_words": ("max_words: 3", "Just one off indeed.", []),
    "max_words enough": ("max_words: 4", "Just one off indeed.", ["one off"]),
}


@pytest.mark.parametrize(("fields", "text", "expected"), CONDITIONS.values(), ids=CONDITIONS)
def test_conditions_decide_which_hits_hold(tmp_path: Path, fields: str, text: str, expected: list[str]) -> None:
    assert find(packs(tmp_path, rule(fields)), text) == expected


def test_conditions_on_the_post_being_answered(tmp_path: Path) -> None:
    needing = packs(tmp_path / "a", rule("needs: [complaint, praise]"))
    assert find(needing, "one off") == []
    assert find(needing, "one off", Answered("x", frozenset({"question"}))) == []
    assert find(needing, "one off", COMPLAINT) == ["one off"]
    asked = packs(tmp_path / "b", rule('needs_answered: ["pump*"]\nunless_answered: ["is it normal"]'))
    assert find(asked, "one off") == []
    assert find(asked, "one off", COMPLAINT) == ["one off"]
    assert find(asked, "one off", Answered("Is it normal? My pump", frozenset())) == []
    assert find(asked, "one off", Answered("Hello", frozenset())) == []


def test_a_rule_yields_to_another_signal_or_cue_of_the_same_post(tmp_path: Path) -> None:
    owns = "signal: owns\nlang: en\nrules:\n" + rule("weight: weak", id="weak", phrases='["maybe us"]')
    pack(tmp_path, owns + rule(id="strong", phrases='["on us"]'), name="owns.yaml")
    pack(tmp_path, "cue: echo\nlang: en\nrules:\n" + rule(phrases='["you write"]'), name="cues.yaml")
    found = packs(tmp_path, rule("unless_signal: [owns, echo]"))
    assert find(found, "A one off, maybe us.") == ["one off", "maybe us"]
    assert find(found, "A one off. It is on us.") == ["on us"]
    assert find(found, "You write it is a one off.") == ["You write"]


def test_a_regex_is_searched_in_the_text_as_written(tmp_path: Path) -> None:
    found = packs(tmp_path, rule(r"regex: ['(?-i:[A-Z]{5,30})', 'x{2,5}!']", phrases="[]"))
    assert find(found, "This is OUTRAGEOUS, no XX! xxx!") == ["OUTRAGEOUS", "XX!", "xxx!"]


@pytest.mark.parametrize("source", ["(a+)+b", r"(\w{1,30}\s?){1,30}x", r"(a)\1", "["])
def test_a_regex_that_could_stall_names_its_line(tmp_path: Path, source: str) -> None:
    path = pack(tmp_path, HEAD + rule(f"regex:\n  - '{source}'"))
    with pytest.raises(RuleError, match=r"dismissal\.yaml:11: en/dismissal/one-off: regex"):
        load_packs(tmp_path).find("x", lang="en", role="staff")
    assert any(f"{path}:11: en/dismissal/one-off" in fault for fault in check([path]))


def test_different_rules_add_up_and_the_same_rule_counts_once(tmp_path: Path) -> None:
    found = packs(tmp_path, rule("weight: weak"), rule("weight: weak", id="b", phrases='["mere chance"]'))
    hits = found.find("One off, one off. Mere chance.", lang="en", role="staff")
    assert len(hits) == 3
    assert combine(hits) == pytest.approx(1 - 0.6 * 0.6)
    assert combine(hits[:2]) == pytest.approx(0.4)
    assert combine([]) == 0.0


HOSTILE = {
    "one word": "a" * 100_000,
    "one phrase": "one off " * 12_500,
    "almost": "one one one off off " * 5_000,
    "blanks": "one" + " " * 99_990 + "off",
    "signs": "one" + "!?…-'" * 20_000,
    "marks": "\u0301" * 100_000,
    "lines": "one\n" * 25_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_post_is_read_to_its_end(tmp_path: Path, text: str) -> None:
    wide = '["one ...12 (off|on) ...12 (end|over)", "*one*", "(one |)(one |)(one |)off", "^ one ... off $"]'
    found = packs(tmp_path, rule('unless: ["never ... off"]', phrases=wide))
    for hit in found.find(text + " over", lang="en", role="staff"):
        assert 0 <= hit.start < hit.end <= len(text) + 5


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["one", "off", "a", "not", "ne", "İ", "ß", ",", ".", "?", "–", "’", "\n", " ", "👍"])))
def test_hits_lie_in_the_text_whatever_it_is(pieces: list[str]) -> None:
    text = "".join(pieces)
    for hit in built_in().find(text, lang="en", role="staff", answered=COMPLAINT):
        assert 0 <= hit.start < hit.end <= len(text)


def test_half_characters_do_not_stop_the_search(tmp_path: Path) -> None:
    pack(tmp_path, "onne: one\n", name="spelling.yaml")
    assert find(packs(tmp_path, rule()), "\ud83d onne off \udc00") == ["onne off"]


def test_what_was_searched_before_does_not_change_what_is_found() -> None:
    texts = [example.text for one in built_in() if one.lang == "de" for example in one.must_match][:80]

    def found(packs: RulePacks, order: list[str]) -> dict[str, list[tuple[str, int, int]]]:
        hits = {text: packs.find(text, lang="de", role="staff", answered=COMPLAINT) for text in order}
        return {text: [(hit.rule.id, hit.start, hit.end) for hit in its] for text, its in hits.items()}

    assert found(built_in(), texts) == found(built_in_again(), texts[::-1])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_a_phrase_matches_is_among_the_candidates(lang: str) -> None:
    grammar = built_in().grammar(lang)
    rules = [one for one in built_in() if one.lang == lang][::9]
    copies = [built_in().copy(one.must_match[0].text, lang) for one in rules]
    phrases = [grammar.phrase(line) for one in rules for line in one.phrases]
    search = Search(phrases, grammar)
    found = 0
    for copy in copies:
        candidates = set(search.candidates(copy))
        matched = {
            (p, n) for p in range(len(copy.bounds)) for n in range(len(phrases)) if any(search.matches(n, copy, p))
        }
        assert matched <= candidates
        found += len(matched)
    assert found >= len(rules)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["one", "off", "ones", "over", "not", ",", ". ", "?", "👍", " "]), max_size=12))
def test_a_sentence_is_refused_at_a_look_only_where_no_phrase_stands_in_it(pieces: list[str]) -> None:
    grammar = built_in().grammar("en")
    phrases = [grammar.phrase(phrase) for phrase in ("one off", "one* ...2 over", "^ off", "not ...1 $", "👍", "off?")]
    search = Search(phrases, grammar)
    copy = built_in().copy(" ".join(pieces), "en")
    for sentence in range(copy.sentences):
        tried = [search.matches(n, copy, p) for n in range(len(phrases)) for p in copy.pieces_of(sentence)]
        assert search.stands_in(copy, sentence) == any(tried)
    assert search.stands(copy) == any(search.stands_in(copy, sentence) for sentence in range(copy.sentences))


def test_a_text_that_comes_again_shows_what_a_new_search_would_find(tmp_path: Path) -> None:
    fresh = packs(tmp_path, rule(), rule('needs_answered: ["pump*"]', "told", '["told you"]'))
    again = load_packs(tmp_path)
    dialogues = [None, *(Answered(text, COMPLAINT.signals) for text in ("The pump is broken", "The hose", "A pump"))]
    shown = set()
    for text in ("A one off.", "I told you.", "I told you it was a one off.", ""):
        for answered in dialogues * 2:
            known = again.find_again(text, lang="en", role=Role.STAFF, answered=answered)
            assert list(known) == fresh.find(text, lang="en", role=Role.STAFF, answered=answered)
            shown.add((text, len(known)))
    assert {("I told you.", 0), ("I told you.", 1)} <= shown, "the answered words count"


# --- proving -----------------------------------------------------------------------------------------------------------

PROOFS = {
    "not found": (rule(phrases='["two off"]'), "must_match is not found"),
    "other words": (rule(phrases='["just a one off"]'), "shows „Just a one off“, marked is „one off“"),
    "no marks": (rule().replace("<<", "").replace(">>", ""), "must_match without marks"),
    "found against the rule": (rule().replace("No comment", "A one off"), "must_not_match is found by „one off“"),
    "stopped": (rule('unless: ["just"]'), "for unless stops it"),
    "no longer missed": (rule('known_gaps: [{missed: "one off"}]'), "move it to must_match"),
    "no longer wrong": (rule('known_gaps: [{wrong: "nothing"}]'), "move it to must_not_match"),
    "dialogue needed": (rule('needs_answered: ["pump"]'), "needs the post being answered"),
    "bad phrase": (rule('unless: ["(a"]'), "unless: phrase „(a“ has a group"),
    "customer shows nothing": (
        rule("needs: [complaint]").replace('"Just a <<one off>>."', '{customer: "Hm.", staff: "<<One off>>."}'),
        "shows nothing by the rules, not complaint",
    ),
}


@pytest.mark.parametrize(("content", "message"), PROOFS.values(), ids=PROOFS)
def test_an_example_that_does_not_hold_is_a_fault(tmp_path: Path, content: str, message: str) -> None:
    path = pack(tmp_path, HEAD.replace("dismissal", "canned") + content, name="canned.yaml")
    assert any(message in fault and f"{path}:" in fault for fault in check([path])), check([path])


def test_sound_packs_have_no_faults_and_gaps_are_allowed(tmp_path: Path) -> None:
    gaps = rule('needs: [complaint]\nknown_gaps: [{missed: "odd case"}, {wrong: "The one off switch."}]')
    assert check_paths([pack(tmp_path, HEAD + gaps)]) == []


def test_a_customers_post_may_answer_staff(tmp_path: Path) -> None:
    dialogue = rule('needs_answered: ["press*"]').replace(
        '"Just a <<one off>>."', '{staff: "Press it.", customer: "A <<one off>>."}'
    )
    path = pack(tmp_path, "cue: still_broken\nlang: en\nrules:\n" + dialogue, name="cues.yaml")
    assert check_paths([path]) == []


def test_the_command_prints_faults_and_says_so_in_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(pack(tmp_path / "good", HEAD + rule()))]) == 0
    assert capsys.readouterr().out == "0 faults\n"
    assert main([str(pack(tmp_path / "bad", HEAD + rule("weight: x")))]) == 1
    assert capsys.readouterr().out.endswith("1 faults\n")


def built_in_again() -> RulePacks:
    return load_packs(rules_root())


built_in = cache(built_in_again)

PACK_FILES = [path for path in pack_files(rules_root()) if path.stem not in NOT_PACKS]


@pytest.mark.parametrize("path", PACK_FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_built_in_packs_hold_every_example(path: Path) -> None:
    rules = [one for one in built_in() if one.path == path]
    assert [str(fault) for one in rules for fault in example_faults(one, built_in())] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_packs_are_yaml_for_the_slow_loader_too(lang: str) -> None:
    """The fast one, which is not there on every machine, takes signs unquoted that the slow one refuses."""
    for path in sorted((rules_root() / lang).glob("*.yaml")):
        with path.open("rb") as file:
            assert sum(1 for _ in yaml.parse(file, Loader=yaml.SafeLoader)) > 2, path


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_phrase_of_the_built_in_packs_can_be_read(lang: str) -> None:
    grammar = built_in().grammar(lang)
    fields = ("phrases", "unless", "unless_post", "needs_post", "needs_answered", "unless_answered")
    lines = [line for one in built_in() if one.lang == lang for name in fields for line in getattr(one, name)]
    assert all(way.steps or way.loose for line in lines for way in grammar.phrase(line).ways())


def test_the_built_in_packs_have_no_faults() -> None:
    assert [str(fault) for fault in read_folders([rules_root()]).faults] == []
