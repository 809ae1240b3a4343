"""The notation of phrases: what each sign matches, what is refused, and that no text can stall a match."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modassist.errors import RuleError
from modassist.model import Span
from modassist.rules.alphabet import tokens
from modassist.rules.copies import Copy, Spelling, folded
from modassist.rules.inflection import Inflection
from modassist.rules.phrases import Grammar
from modassist.rules.regexes import MAX_PATHS, check_regex, required_literals
from modassist.rules.search import Search
from modassist.text.sentences import sentences


def grammar(lang: str = "en", **lists: list[str]) -> Grammar:
    tables = {"endings": ["s", "ed", "ing"], "distinct": ["schön"]}
    return Grammar(lang, {name: tuple(entries) for name, entries in lists.items()}, Inflection(lang, tables))


def found(phrase: str, text: str, lang: str = "en", **lists: list[str]) -> str | None:
    """The words of the text that the phrase finds first; None where it finds none."""
    rules = grammar(lang, **lists)
    places = sorted(Search([rules.phrase(phrase)], rules).places(Copy(text, [Span(0, len(text))])))
    return text[places[0][0] : places[0][1]] if places else None


@pytest.mark.parametrize(
    ("phrase", "text", "words"),
    [
        ("user error", "Clearly a USER Error.", "USER Error"),
        ("user error", "user, error", "user, error"),
        ("user error", "user – error", "user – error"),
        ("user error", "user\nerror", "user\nerror"),
        ("user error", "a „user“ error", "user“ error"),
        ("error", "terrors", None),
        ("error*", "errors", "errors"),
        ("*error", "usererror", "usererror"),
        ("*error*", "usererrors", "usererrors"),
        ("error*", "error", "error"),
        ("(no|any) error", "any error", "any error"),
        ("(no |)error", "error", "error"),
        ("(no |)error", "no error", "no error"),
        ("(no|) error", "no error", "no error"),
        ("error (here|)", "error there", "error"),
        ("error( here|)", "error here", "error here"),
        ("error(s|)", "errors", "errors"),
        ("error(s|)", "errorss", None),
        ("(fire|wall)box", "a wallbox", "wallbox"),
        ("(wall |wand)box", "a wall box", "wall box"),
        ("(a b|c) d", "a b d", "a b d"),
        ("((x|y) |)z one", "y z one", "y z one"),
        ("nobody ... complained", "Nobody has so far ever complained", "Nobody has so far ever complained"),
        ("nobody ... complained", "nobody complained", "nobody complained"),
        ("nobody ...2 complained", "nobody has so far complained", None),
        ("(...2 |)broken", "broken", "broken"),
        ("^ no", "No, thanks", "No"),
        ("^no", "oh no", None),
        ("(^|but) no", "but no", "but no"),
        ("(^|but) no", "well no", None),
        ("thanks $", "Many thanks!", "thanks"),
        ("thanks $", "thanks a lot", None),
        ("# days", "in 3 days", "3 days"),
        ("# days", "in 2-3 days", "3 days"),
        ("# days", "in 2.5 days", "2.5 days"),
        ("#h", "within 24h", "24h"),
        ("#h", "within 24 h", None),
        ("e-mail", "by e-mail", "e-mail"),
        ("e-mail", "by email", "email"),
        ("e-mail", "by e mail", "e mail"),
        ("colou?r", "color", "color"),
        ("time ?frame", "timeframe", "timeframe"),
        ("don't care", "don’t care", "don’t care"),
        ("don't care", "dont care", "dont care"),
        ("as * said", "as already said", "as already said"),
        ("as * said", "as said", None),
        ("+1", "+1 from me", "+1"),
        ("100 %", "100 % sure", "100 %"),
        ("👍", "fine 👍", "👍"),
        (r"cost \# \$", "cost # $ 5", "cost # $"),
        ("sorry|apologies", "my apologies", "apologies"),
        ("in (touch|touch with us)", "in touch with us", "in touch with us"),
    ],
)
def test_a_phrase_finds_exactly_its_words(phrase: str, text: str, words: str | None) -> None:
    assert found(phrase, text) == words


@pytest.mark.parametrize(
    ("lang", "phrase", "text", "words"),
    [
        ("de", "gerät*", "Das Gerät", "Gerät"),
        ("de", "gerät*", "die geraete", "geraete"),
        ("de", "gerät*", "die gerate", "gerate"),
        ("de", "gerät*", "die Gerate für mich", None),
        ("de", "schön", "schon gut", None),
        ("de", "schön", "schoen gut", "schoen"),
        ("de", "größe", "die groesse", "groesse"),
        ("de", "dass", "daß", "daß"),
        ("de", "schon", "schön", None),
        ("fi", "näyttö", "naytto", "naytto"),
        ("fi", "näyttö", "naytto ei näy", None),
        ("en", "naive", "naïve", None),
    ],
)
def test_a_post_without_umlauts_is_read_without_them(lang: str, phrase: str, text: str, words: str | None) -> None:
    assert found(phrase, text, lang) == words


def test_a_gap_at_an_edge_takes_no_words() -> None:
    assert found("... it breaks ...", "so it breaks again") == "it breaks"


def test_signs_between_words_do_not_part_a_phrase_unless_it_names_one() -> None:
    assert found("note this", "note: this") == "note: this"
    assert found("note : this", "note: this") == "note: this"
    assert found("note : this", "note this") is None


def test_lists_may_name_lists_and_take_endings() -> None:
    lists = {"thing": ["pump", "{tool}"], "tool": ["saw", "hand drill"]}
    assert found("broken {thing}", "a broken hand drill", **lists) == "broken hand drill"
    assert found("broken {thing}~", "two broken pumps", **lists) == "broken pumps"
    assert found("broken {thing}*", "a broken sawmill", **lists) == "broken sawmill"


@pytest.mark.parametrize(
    ("phrase", "hint"),
    [
        ("", "write the words"),
        ("...", "write the words"),
        ("^ $", "write the words"),
        ("(a|b", "missing"),
        ("a) b", "balance"),
        ("(a|) (b|)", "plain word"),
        ("# (a|)", None),
        ("a ...99 b", "use 1 to"),
        ("x* y*", "write more"),
        ("[ab]", "no regex"),
        ("{unknown} word", "write the list"),
        ("{thin} word", "did you mean {thing}"),
        ("a ...12 b ...12 c ...12 d ...12 e", "shorter"),
        ("(" * 20 + "a" + ")" * 20, "list"),
        ("~ word", "laite~"),
    ],
)
def test_a_faulty_phrase_is_refused_with_the_way_out(phrase: str, hint: str | None) -> None:
    if hint is None:
        assert grammar().phrase(phrase).ways()
        return
    with pytest.raises(RuleError) as caught:
        grammar(thing=["a"]).phrase(phrase)
    assert hint in str(caught.value)


def test_lists_that_go_round_in_a_circle_are_refused() -> None:
    with pytest.raises(RuleError, match="circle"):
        grammar(a=["x {b}"], b=["y {a}"]).phrase("so {a}")


def steps(phrase: str) -> list[list[tuple[list[str], int, int]]]:
    """For each way of matching, its words in order, each with the words that may stand before it."""
    return [[(sorted(s.wanted.words), s.least, s.most) for s in way.steps] for way in grammar().phrase(phrase).ways()]


def test_a_way_of_matching_names_the_words_that_it_needs_and_how_far_apart_they_are() -> None:
    assert steps("(perfectly |quite |)(normal|usual) for ... pumps") == [
        [(["normal", "usual"], 0, 1), (["for"], 0, 0), (["pumps"], 0, 4)]
    ]
    assert steps("note : (* |)this #") == [[(["note"], 0, 0), (["this"], 0, 1), ([], 0, 0)]]


def test_alternatives_of_several_words_are_looked_for_each_by_its_own_words() -> None:
    last = (["here", "now"], 0, 0)
    assert steps("(not our job|end of story|over) (here|now)") == [
        [(["over"], 0, 0), last],
        [(["not"], 0, 0), (["our"], 0, 0), (["job"], 0, 0), last],
        [(["end"], 0, 0), (["of"], 0, 0), (["story"], 0, 0), last],
    ]


def test_too_many_ways_are_taken_together_by_the_rarest_word_of_each() -> None:
    options = "|".join(f"in {letter * 5} on" for letter in "abcdefghijklmnopqrstuvwxyz")
    rarest = [letter * 5 for letter in "abcdefghijklmnopqrstuvwxyz"]
    assert steps(f"stop ({options}) ({options})")[0][-1] == (rarest, 1, 1)


def test_a_sign_that_a_phrase_needs_is_looked_for_where_it_has_no_word() -> None:
    loose, stepped = sorted(grammar().phrase("(?!|really ?)").ways(), key=lambda way: len(way.steps))
    assert ([sorted(step.wanted.words) for step in stepped.steps], loose.steps) == ([["really"]], ())
    assert {word for wanted in loose.loose for word in wanted.words} & {"?", "!"}
    assert found("(?!|really ?)", "What?!") == "?!"


@pytest.mark.parametrize(
    ("phrase", "text", "stands"),
    [
        ("!!", "Now!!", True),
        ("!!", "Now! And now!", False),
        ("?!", "What?!", True),
        ("(never|again) !", "Never again!", True),
        ("(never|again) !", "Never again.", False),
        ("(never|wow !)", "Never again.", True),
    ],
)
def test_phrases_of_signs_are_found_where_their_signs_stand(phrase: str, text: str, stands: bool) -> None:
    rules = grammar()
    search = Search([rules.phrase(phrase)], rules)
    assert search.stands(Copy(text, sentences(text))) is stands


def test_a_text_without_its_sign_is_no_candidate_for_a_phrase() -> None:
    rules = grammar()
    search = Search([rules.phrase("(never|again) !"), rules.phrase("!!")], rules)
    for text, candidates in (("Never again! Not now.", {(0, 0)}), ("Never again. Not now!", set())):
        assert set(search.candidates(Copy(text, sentences(text)))) == candidates


def test_a_phrase_matches_words_that_were_met_before_it_was_read() -> None:
    rules = grammar()
    copy = Copy("The broken gadget", [Span(0, 17)])
    before = copy.codes(rules.alphabet, signs=False)
    phrase = rules.phrase("broken gadg*")
    assert phrase.pattern("", bare=False).search(before[0]) is None
    codes = copy.codes(rules.alphabet, signs=False)[0]
    assert phrase.pattern(codes, bare=False).search(codes)


def test_a_pattern_is_made_again_only_for_codes_that_it_does_not_know() -> None:
    rules = grammar()
    phrase = rules.phrase("broken gadg*")
    first = phrase.pattern("", bare=False)
    rules.phrase("*gets").pattern("", bare=False)
    codes = "".join(rules.alphabet.encode("broken gadgets"))
    assert phrase.pattern("", bare=False) is first
    assert first.search(codes) is None
    assert phrase.pattern(codes, bare=False).search(codes)


def test_a_lone_apostrophe_in_a_phrase_does_not_stop_the_search() -> None:
    rules = grammar()
    search = Search([rules.phrase("#'#")], rules)
    text = "it cost 5'000 francs"
    assert search.stands(Copy(text, sentences(text)))
    for number in range(3_000):  # enough to have the patterns put into the automaton
        rules.alphabet.encode(f"word{number}")
    assert search.stands(Copy(text, sentences(text)))
    assert not search.stands(Copy("it cost 5 francs", sentences("it cost 5 francs")))


def test_expressions_are_bounded_whatever_the_phrase() -> None:
    source = grammar(x=["a b", "c*"]).phrase("nobody ... ever (...2 |){x} (now|) said").pattern("", bare=False).pattern
    assert not re.search(r"[*+]|\{\d+,\}", re.sub(r"\[[^\]]*\]", "", source))


def test_a_flood_of_words_is_forgotten_and_hits_stay_the_same() -> None:
    rules = grammar()
    phrase = rules.phrase("broken pump*")
    phrase.pattern("", bare=False)
    flood = " ".join(f"w{number}" for number in range(100_001))
    rules.alphabet.encode(flood)
    rules.alphabet.tidy()
    text = "a broken pumphouse"
    codes = "".join(rules.alphabet.encode(text))
    assert phrase.pattern(codes, bare=False).search(codes)


# --- the matching copy -------------------------------------------------------------------------------------------------


@given(st.text(max_size=80))
def test_folding_keeps_every_character_in_its_place(text: str) -> None:
    assert len(folded(text)) == len(text)


@given(st.text(alphabet="nich t.,gr üß", max_size=60))
def test_righted_spelling_leads_back_to_the_words_as_written(text: str) -> None:
    spelling = Spelling({"nich": "nicht", "garnich": "gar nicht", "tt": ""})
    copy = Copy(text, [Span(0, len(text))], spelling)
    for place in range(len(copy.low)):
        start, end = copy.original(place, place + 1)
        assert 0 <= start < end <= len(text)
        assert copy.low[place] == folded(text)[start] or end - start > 1


def test_a_very_long_sentence_is_cut_into_pieces_that_cover_it() -> None:
    text = "word " * 20_000
    copy = Copy(text, [Span(0, len(text))])
    assert max(end - start for start, end in copy.bounds) <= 1_000
    assert "".join(text[start:end] for start, end in copy.bounds) == text
    assert set(copy.sentence_of) == {0}


# --- regular expressions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "a+b", "a*", "(a{1,20}){1,20}", r"(a)\1", "a{1,500}", r".{0,100}x.{0,100}", "(", r"(a|b?){0,30}c", "(?P<x>a)(?P=x)",
    ],
)  # fmt: skip
def test_a_regex_that_could_stall_is_refused(source: str) -> None:
    with pytest.raises(RuleError):
        check_regex(source)


@pytest.mark.parametrize(
    "source", [r"\d{1,3}[.,]\d{2} ?€", "colou?r", "(?:ab|cd){1,3}", "[A-Z]{5,40}", r".{0,40}x.{0,40}"]
)
def test_a_bounded_regex_is_accepted(source: str) -> None:
    assert check_regex(source).pattern == source
    assert MAX_PATHS >= 41 * 41


@pytest.mark.parametrize(
    ("source", "literals"),
    [
        ("Absolutely (not|never)", {"absolutely"}),
        ("(?:foo|barn)x?", {"foo", "barn"}),
        ("(?:foo|b?)", set()),
        (r"\d{2}", set()),
        ("(?:pump){1,3}", {"pump"}),
    ],
)
def test_literals_of_a_regex_stand_in_all_of_its_matches(source: str, literals: set[str]) -> None:
    assert required_literals(source) == literals


@given(st.text("aé_'’1٣.,:/! \n") | st.text())
def test_a_token_is_a_number_with_its_parts_or_a_word_with_its_apostrophes_or_a_sign(text: str) -> None:
    word, number, sign = r"[^\W\d]\w*(?:'\w+)*", r"\d+(?:[.,:]\d+)+(?!\w)", r"[^\w\s,'/]|\n"
    assert tokens(text) == re.findall(rf"{word}|{number}|\w+(?:'\w+)*|{sign}", text)
