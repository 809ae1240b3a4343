"""YAML rule packs -> rules, with the line of every fault.

Files are read as YAML nodes, not values, so that each fault can name its line, `no` stays a word and a key written twice
is seen. Nothing here reads phrases: that is done when a language is first searched, or by `rulecheck`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import yaml

from modassist.errors import RuleError
from modassist.model import LANGUAGES, STAFF_SIGNALS, Signal
from modassist.rules.packfields import CUES, FIELDS, WEIGHTS, Example, Fault, Line, Place, Reader, line_of, nearest

NOT_PACKS = frozenset({"language", "lists", "spelling", "times", "replies", "facts", "inflection", "notes"})
"""YAML files of a language folder that hold no rules."""

_PACK_FIELDS = ("signal", "cue", "lang", "role", "rules")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a pack, as written. Exactly one of `signal` and `cue` is set."""

    id: str
    lang: str
    signal: Signal | None
    cue: str
    role: str
    """staff, customer or any"""
    path: Path = field(compare=False)
    line: int = field(compare=False)
    title: str = ""
    why: str = ""
    weight: float = WEIGHTS["medium"]
    phrases: tuple[Line, ...] = ()
    regex: tuple[Line, ...] = ()
    unless: tuple[Line, ...] = ()
    unless_post: tuple[Line, ...] = ()
    unless_signal: tuple[Line, ...] = ()
    needs: tuple[Line, ...] = ()
    needs_post: tuple[Line, ...] = ()
    needs_answered: tuple[Line, ...] = ()
    unless_answered: tuple[Line, ...] = ()
    sentence: str = "any"
    position: str = "any"
    max_words: int = 0
    """0: of any length"""
    must_match: tuple[Example, ...] = field(default=(), compare=False)
    must_not_match: tuple[Example, ...] = field(default=(), compare=False)
    known_gaps: tuple[Example, ...] = field(default=(), compare=False)
    false_positives: str = ""
    references: tuple[Line, ...] = ()
    disabled: bool = False

    @property
    def name(self) -> str:
        """The signal or cue that the rule shows."""
        return self.cue if self.signal is None else self.signal.value


@dataclass(slots=True)
class Folder:
    """What was read from folders of packs: rules by id, and each language's lists, spelling and inflection."""

    rules: dict[str, Rule] = field(default_factory=dict)
    lists: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    spelling: dict[str, dict[str, str]] = field(default_factory=dict)
    inflection: dict[str, dict[str, object]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    lists_files: dict[str, Path] = field(default_factory=dict)
    """The last file of lists that was read for a language."""


def read_folders(folders: Iterable[Path]) -> Folder:
    """All packs in `<folder>/<lang>/*.yaml` and `<folder>/*.yaml`; a rule in a later folder replaces its namesake."""
    whole = Folder()
    for root in folders:
        seen: dict[str, Rule] = {}
        for path in pack_files(root):
            _read_file(path, whole, seen)
        whole.faults += _idle(seen.values(), whole.rules)
        whole.rules.update(seen)
    return whole


def _idle(rules: Iterable[Rule], known: Mapping[str, Rule]) -> Iterator[Fault]:
    """Rules that are nothing but switched off, and that no earlier folder has: a slip of the pen in the id."""
    for rule in rules:
        if rule.disabled and not (rule.phrases or rule.regex) and rule.id not in known:
            close = get_close_matches(rule.id, known, n=1)
            hint = f"did you mean „{close[0]}“?" if close else "`modassist rules list` shows those that do"
            yield Fault(rule.path, rule.line, rule.id, f"switches off a rule that does not exist, {hint}")


def pack_files(root: Path) -> list[Path]:
    """The YAML files of a folder of packs, or of one language's folder; a single file is itself."""
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise RuleError(f"no rule packs at {root}", "name a folder with de/, en/ or fi/ in it")
    places = [root, *(root / lang for lang in LANGUAGES)]
    return [path for place in places for path in sorted(place.glob("*.y*ml")) if path.suffix in (".yaml", ".yml")]


def _read_file(path: Path, whole: Folder, seen: dict[str, Rule]) -> None:
    faults = Reader(path, whole.faults)
    try:
        documents = [node for node in yaml.compose_all(path.read_text("utf-8"), Loader=_LOADER) if node is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        faults.add(mark.line + 1 if mark else 1, "", f"is no YAML: {getattr(error, 'problem', error)}")
        return
    except (OSError, UnicodeDecodeError) as error:
        faults.add(1, "", f"cannot be read: {error}")
        return
    if path.stem in NOT_PACKS:
        _read_table(path, documents, whole, faults)
        return
    for document in documents:
        packs = document.value if isinstance(document, yaml.SequenceNode) else [document]
        for pack in packs:
            _read_pack(pack, faults, seen)


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read_table(path: Path, documents: list[yaml.Node], whole: Folder, reader: Reader) -> None:
    """lists, spelling and inflection are ours; the other tables belong to other modules."""
    lang = path.parent.name
    if lang not in LANGUAGES or not documents or path.stem not in ("lists", "spelling", "inflection"):
        return
    table = reader.mapping(documents[0], "")
    if path.stem == "lists":
        entries = {name: tuple(reader.texts(node, name)) for name, node in table.items()}
        whole.lists.setdefault(lang, {}).update(entries)
        whole.lists_files[lang] = path
    elif path.stem == "spelling":
        whole.spelling.setdefault(lang, {}).update({name: reader.text(node, name) for name, node in table.items()})
    else:
        whole.inflection.setdefault(lang, {}).update({name: _plain(node) for name, node in table.items()})


def _plain(node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return {key.value: _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(entry) for entry in node.value]
    return str(node.value)


# --- packs and rules -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Head:
    """What the rules of a pack have in common."""

    lang: str
    signal: Signal | None
    cue: str
    role: str


def _read_pack(node: yaml.Node, reader: Reader, seen: dict[str, Rule]) -> None:
    pack = reader.mapping(node, "")
    if not pack:
        return
    for name in pack.keys() - set(_PACK_FIELDS):
        reader.add(line_of(pack[name]), "", f"unknown field „{name}“ of a pack, {nearest(name, _PACK_FIELDS)}")
    head = _head(pack, node, reader)
    if head is None:
        return
    rules = pack.get("rules")
    if not isinstance(rules, yaml.SequenceNode):
        reader.add(line_of(node), "", "the pack has no list `rules`")
        return
    for entry in rules.value:
        rule = _read_rule(entry, head, reader)
        if rule is not None and rule.id in seen:
            first = seen[rule.id]
            reader.add(rule.line, rule.id, f"the id stands already at {first.path}:{first.line}, choose another")
        elif rule is not None:
            seen[rule.id] = rule


def _head(pack: dict[str, yaml.Node], node: yaml.Node, reader: Reader) -> _Head | None:
    def word(name: str) -> str:
        return reader.text(pack[name], "") if name in pack else ""

    line, signal, cue, lang = line_of(node), word("signal"), word("cue"), word("lang")
    folder = reader.path.parent.name
    if lang not in LANGUAGES:
        reader.add(line, "", f"lang is „{lang}“, write one of {', '.join(LANGUAGES)}")
    elif folder in LANGUAGES and folder != lang:
        reader.add(line, "", f"a pack in „{lang}“ lies in the folder {folder}/, move it to {lang}/")
    elif bool(signal) == bool(cue):
        reader.add(line, "", "write either `signal:` or `cue:` at the top of the pack")
    elif signal and signal not in set(Signal):
        reader.add(line, "", f"unknown signal „{signal}“, {nearest(signal, Signal)}")
    elif cue and cue not in CUES:
        reader.add(line, "", f"unknown cue „{cue}“, {nearest(cue, CUES)}")
    elif signal and reader.path.stem in set(Signal) - {signal}:
        reader.add(line, "", f"a pack of „{signal}“ lies in {reader.path.name}, move it to {signal}.yaml")
    else:
        return _Head(lang, Signal(signal) if signal else None, cue, _role(word("role"), signal, cue, line, reader))
    return None


def _role(written: str, signal: str, cue: str, line: int, reader: Reader) -> str:
    role = CUES[cue] if cue else "staff" if Signal(signal) in STAFF_SIGNALS else "customer"
    if written and written != role:
        reader.add(line, "", f"role is „{written}“, but „{signal or cue}“ is looked for in role: {role}")
    return role


def _read_rule(node: yaml.Node, head: _Head, reader: Reader) -> Rule | None:
    fields = reader.mapping(node, head.cue or str(head.signal))
    if not fields:
        return None
    line = line_of(node)
    short = reader.text(fields["id"], "") if "id" in fields else Line("", line)
    prefix = f"{head.lang}/{head.cue or head.signal}/"
    id = prefix + short
    if not _ID.fullmatch(short):
        reader.add(line, id, f"id is „{short}“, write small letters, digits and hyphens, without „{prefix}“")
        return None
    values: dict[str, object] = {}
    for name, value in fields.items():
        if name == "id":
            continue
        if name not in FIELDS:
            reader.add(line_of(value), id, f"unknown field „{name}“, {nearest(name, FIELDS)}")
            continue
        values[name] = FIELDS[name](value, Place(reader, id, head.role))
    rule = Rule(id, head.lang, head.signal, head.cue, head.role, reader.path, line, **values)  # type: ignore[arg-type]
    for message in _lacks(rule):
        reader.add(line, id, message)
    return rule


def _lacks(rule: Rule) -> Iterator[str]:
    if rule.disabled:
        return
    if not rule.title or not rule.why:
        yield "has no title or no why, say in a line what it finds and what that does to the customer"
    if not rule.phrases and not rule.regex:
        yield "has no phrases, write at least one"
    if not rule.must_match:
        yield "has no must_match, write a post that it must find"
    if not rule.must_not_match:
        yield "has no must_not_match, write a post that it must leave alone"
