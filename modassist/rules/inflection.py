"""Inflected forms of a word as stems and endings, by tables in `rules/<lang>/inflection.yaml`.

`word~` in a phrase stands for every form of the word. Too many forms do no harm (nobody writes them), a missing form
does: so stems of every type that a word might belong to are taken together, and all endings go with all stems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

Tables = Mapping[str, tuple[str, ...] | dict[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Branch:
    """Forms of one kind: a stem, then an ending, then optionally one of each group of tails.

    Endings may hold A, O, U (vowel harmony) and V (any vowel): see `phrases`.
    """

    stems: tuple[str, ...]
    endings: tuple[str, ...] = ("",)
    tails: tuple[tuple[str, ...], ...] = ()


class Inflection:
    """The inflection of one language."""

    def __init__(self, lang: str, tables: Mapping[str, object]) -> None:
        self._build = _LANGUAGES[lang]
        self._tables: Tables = {name: _frozen(value) for name, value in tables.items()}
        self._distinct = frozenset(_texts(self._tables, "distinct"))
        self.branches: Callable[[str], tuple[Branch, ...]] = cache(self._branches)

    def is_distinct(self, word: str) -> bool:
        """Whether the word without its umlauts is another word (schön, schon), so that they must be written."""
        return word in self._distinct

    def _branches(self, word: str) -> tuple[Branch, ...]:
        return tuple(self._build(word, self._tables))


def _texts(tables: Tables, name: str) -> tuple[str, ...]:
    value = tables.get(name, ())
    return value if isinstance(value, tuple) else ()


def _table(tables: Tables, name: str) -> Mapping[str, tuple[str, ...]]:
    value = tables.get(name)
    return value if isinstance(value, Mapping) else {}


def _frozen(value: object) -> tuple[str, ...] | dict[str, tuple[str, ...]]:
    """A list of endings, or a table of them, as it is looked up."""
    if isinstance(value, Mapping):
        return {str(key): tuple(map(str, entries)) for key, entries in value.items()}
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _unique(stems: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(stem for stem in stems if stem))


def _ending_in(word: str, table: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Stems by the longest matching ending of the table: the ending is replaced by each of its alternatives."""
    for length in range(len(word), 0, -1):
        ending = word[-length:]
        if ending in table:
            yield from (word[:-length] + stem for stem in table[ending])
            return


# --- English -----------------------------------------------------------------------------------------------------------


def _english(word: str, tables: Tables) -> Iterator[Branch]:
    endings = _texts(tables, "endings")
    stems = []
    if word.endswith("e") and len(word) > 2:
        stems.append(word[:-1])
    if word.endswith("y"):
        stems.append(word[:-1] + "ie")
    if word.endswith("ie"):
        stems.append(word[:-2] + "y")
    if word.endswith(("f", "fe")):
        stems.append(word.rstrip("e")[:-1] + "ve")
    if len(word) > 2 and word[-1] in "bdfgklmnprstvz" and word[-2] in "aeiou" and word[-1] != word[-2]:
        stems.append(word + word[-1])
    yield Branch(_unique([word, *_table(tables, "irregular").get(word, ())]), ("", *endings))
    if stems:
        yield Branch(tuple(stems), endings)


# --- German ------------------------------------------------------------------------------------------------------------

_UMLAUT = {"au": "äu", "a": "ä", "o": "ö", "u": "ü"}


def _german(word: str, tables: Tables) -> Iterator[Branch]:
    yield Branch(_unique([word, *_umlauted(word)]), ("", *_texts(tables, "endings")))
    short = _unique(_german_short_stems(word, tables))
    if short:
        yield Branch(short, _texts(tables, "endings"))
    if not word.endswith("n"):
        return
    yield from _german_verb("", word, tables)
    for prefix in _texts(tables, "separable"):
        if word.startswith(prefix) and len(word) - len(prefix) > 3:
            yield from _german_verb(prefix, word[len(prefix) :], tables)


def _german_verb(prefix: str, base: str, tables: Tables) -> Iterator[Branch]:
    """Finite forms, participle and infinitive with zu; the prefix is empty or a separable one (ein|ge|schickt)."""
    stems = _unique(_german_verb_stems(base, tables))
    yield Branch(tuple(prefix + stem for stem in stems), ("", *_texts(tables, "verb_endings")))
    yield Branch(tuple(f"{prefix}ge{stem}" for stem in stems), _texts(tables, "participle_endings"))
    if prefix:
        yield Branch(tuple(f"{prefix}zu{stem}" for stem in stems), _texts(tables, "infinitive_endings"))


def _german_short_stems(word: str, tables: Tables) -> Iterator[str]:
    """Stems that never stand without an ending: Seite is not seit."""
    if word.endswith(("e", "en")):
        yield word[: word.rindex("e")]
    if word.endswith(("el", "er", "en")):
        yield word[:-2] + word[-1]
    if word.endswith(("nis", "in")):
        yield word + word[-1]
    yield from _ending_in(word, _table(tables, "nouns"))


def _umlauted(word: str) -> Iterator[str]:
    """Plural by umlaut: the last back vowel that is not in an unstressed ending."""
    for length in range(len(word) - 1, -1, -1):
        for plain, umlaut in _UMLAUT.items():
            if word.startswith(plain, length) and not (plain == "u" and word[length - 1 : length] in ("a", "e")):
                yield word[:length] + umlaut + word[length + len(plain) :]
                return


def _german_verb_stems(base: str, tables: Tables) -> Iterator[str]:
    stem = base[:-2] if base.endswith("en") else base[:-1]
    yield stem
    if base.endswith("eln"):
        yield base[:-3] + "l"
    yield from _umlauted(stem)
    irregular = _table(tables, "verbs")
    for length in range(len(base), 2, -1):
        if base[-length:] in irregular:
            yield from (base[:-length] + form for form in irregular[base[-length:]])
            return


# --- Finnish -----------------------------------------------------------------------------------------------------------

_VOWELS = "aeiouyäö"
_HIATUS = ("oee", "aee", "iee", "uee", "äee", "öee", "yee", "ea", "eä", "ue", "ye")
"""Ends of stems from which a k may have gone (koe, kokeen; säie, säikeen)."""


def _finnish(word: str, tables: Tables) -> Iterator[Branch]:
    cases, possessives, clitics = (_texts(tables, name) for name in ("cases", "possessives", "clitics"))
    nouns = _unique(_finnish_noun_stems(word, tables))
    yield Branch(nouns, ("", *cases), (possessives, clitics))
    verbs = _unique(_finnish_verb_stems(word, tables))
    if verbs:
        yield Branch(verbs, ("", *_texts(tables, "verb_endings")), (possessives, clitics))
        yield Branch(verbs, _texts(tables, "participles"), (cases, possessives, clitics))


def _finnish_noun_stems(word: str, tables: Tables) -> Iterator[str]:
    yield word
    yield from _ending_in(word, _table(tables, "noun_exceptions"))
    singular = list(_by_every_ending(word, _table(tables, "noun_stems")))
    if word[-1] in _VOWELS and word[-1] != "e":
        singular.append(word)
    graded = [form for stem in singular for form in _graded(stem, tables)]
    yield from graded
    yield from (plural for stem in graded for plural in _finnish_plurals(stem))
    if word[-1] not in _VOWELS:
        yield word + "i"


def _by_every_ending(word: str, table: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Stems by each matching ending, not only the longest."""
    for ending, stems in table.items():
        if word.endswith(ending) and len(word) > len(ending):
            yield from (word[: -len(ending)] + stem for stem in stems)


def _graded(stem: str, tables: Tables) -> Iterator[str]:
    """The stem in every grade: the consonants before its last vowels made weak, and made strong."""
    yield stem
    root = stem.rstrip(_VOWELS)
    tail = stem[len(root) :]
    for name in ("weakening", "strengthening"):
        table = _table(tables, name)
        cluster = next((root[-length:] for length in (2, 1) if root[-length:] in table), "")
        yield from (root[: len(root) - len(cluster)] + other + tail for other in table.get(cluster, ()))
    if stem.endswith(_HIATUS):
        yield stem[:-2] + "k" + stem[-2:]


def _finnish_plurals(stem: str) -> Iterator[str]:
    """Stems before the plural's i (j between vowels)."""
    last = stem[-1]
    if stem.endswith(("uo", "yö", "ie")):
        yield from (stem[:-2] + stem[-1] + "i",)
    if last in "aä":
        yield from (stem[:-1] + vowel for vowel in ("i", "oi", "öi", "oj", "öj"))
    elif last in "ei":
        yield from (stem[:-1] + vowel for vowel in ("i", "ei", "ej", "j"))
    elif last in "ouyö":
        yield from (stem + "i", stem + "j", stem[:-1] + "i")


def _finnish_verb_stems(word: str, tables: Tables) -> Iterator[str]:
    yield from _ending_in(word, _table(tables, "verb_exceptions"))
    if len(word) < 4 or not word.endswith(("a", "ä")):
        return
    vowels = list(_by_every_ending(word, _table(tables, "verb_stems")))
    if vowels:
        yield word[:-2]
    if word[-2] in _VOWELS:
        vowels.append(word[:-1])
    if word.endswith(("ella", "ellä", "illa", "illä")):
        vowels += [stem + "le" for stem in _graded(word[:-3], tables)]
    for vowel in vowels:
        for stem in _graded(vowel, tables):
            yield stem
            yield from _finnish_past(stem)


def _finnish_past(stem: str) -> Iterator[str]:
    """Stems before endings of the past, the conditional and the passive."""
    last = stem[-1]
    if stem.endswith(("uo", "yö", "ie")):
        yield stem[:-2] + last + "i"
    if last in "aä":
        yield from (stem[:-1] + vowel for vowel in ("i", "oi", "e", "s", "si", "öi"))
    elif last in "ei":
        yield from (stem[:-1], stem[:-1] + "i")
    elif last in "ouyö":
        yield stem + "i"
    if stem[-2:-1] == "t":
        yield from (stem[:-2] + "s", stem[:-2] + "si")


_LANGUAGES: Mapping[str, Callable[[str, Tables], Iterator[Branch]]] = {
    "de": _german,
    "en": _english,
    "fi": _finnish,
}
