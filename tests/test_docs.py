"""The documents say what the code does: names are compared with the code, blocks are run, links are followed."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from modassist import cli, sample
from modassist.config import kinds
from modassist.config.forums import variable_of
from modassist.config.layers import load, load_all
from modassist.config.settings import KNOWN, PrivacySettings
from modassist.forum.practice.server import ForumServer
from modassist.model import Signal, State
from modassist.resources import rules_root
from modassist.rules.packfields import CUES, FIELDS, WEIGHTS
from modassist.rules.packs import Folder, read_folders
from modassist.rules.rulebook import check
from modassist.store.store import Store

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "CHANGELOG.md", "docs/design.md", "docs/rules.md", "docs/privacy.md", "docs/encoder.md")
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS}
README, RULES, DESIGN = TEXTS["README.md"], TEXTS["docs/rules.md"], TEXTS["docs/design.md"]
FORUM = "https://community.example.com"
STORY = sample.load()
ENGLISH = range(200, 300)
"""Ids of the sample's English threads: one language is enough to run the commands, and quicker to read."""


# -- reading the documents -------------------------------------------------------------------------------------------


def blocks(text: str, kind: str) -> list[str]:
    """The contents of all fenced blocks of this kind, without the indent of the list they stand in."""
    found = re.finditer(rf"^( *)```{kind}\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return [re.sub(f"^{match[1]}", "", match[2], flags=re.MULTILINE) for match in found]


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"no section {title!r}"
    return found[1]


def rows(text: str) -> Iterator[list[str]]:
    """The rows of all tables, as cells; what a cell writes as `\\|` is one sign."""
    for line in text.splitlines():
        if line.startswith("|") and not set(line) <= set("|- "):
            yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def named(text: str) -> list[str]:
    """What stands in backticks alone in the first cell of each table row."""
    return [match[1] for row in rows(text) if (match := re.fullmatch(r"`([^`]+)`", row[0]))]


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, (*path, name))


COMMANDS = {" ".join(path): command for path, command in leaves(cli.group)}


def options(command: click.Command) -> set[str]:
    """Long names of a command's options."""
    declared = [name for param in command.params if isinstance(param, click.Option) for name in param.opts]
    return {name for name in declared if name.startswith("--")}


COMMON = set.intersection(*map(options, COMMANDS.values()))


# -- the surface -----------------------------------------------------------------------------------------------------


def command_rows() -> dict[str, str]:
    """Rows of the README's table of commands by the command's words."""
    table: dict[str, str] = {}
    for first, *others in rows(section(README, "Commands")):
        if called := re.fullmatch(r"`([a-z]+(?: [a-z]+)*)( [A-Z[].*)?`", first):
            table[called[1]] = " ".join(others)
    return table


def test_the_readme_lists_every_command_and_no_other() -> None:
    assert sorted(command_rows()) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_lists_every_option_of_a_command_and_no_other(name: str) -> None:
    listed = set(re.findall(r"--[a-z-]+(?=[ `])", command_rows()[name]))
    if name == "purge":
        listed -= COMMON
    assert listed == options(COMMANDS[name]) - COMMON


def test_the_readme_explains_the_options_that_all_commands_take() -> None:
    text = section(README, "Commands").partition("| command |")[0]
    assert not [name for name in COMMON if f"`{name}" not in text and f"/`{name}" not in text]


def test_the_readme_lists_every_signal_and_every_state_and_no_other() -> None:
    listed = named(section(README, "What it looks for"))
    assert sorted(listed) == sorted([*Signal, *State])


def test_the_readme_lists_the_exit_codes_that_the_program_has() -> None:
    told = {int(code) for code in re.findall(r"\b(\d+) [a-z`]", str(cli.__doc__))}
    assert {cli.INTERRUPTED, click.UsageError.exit_code} <= told
    assert {int(row[0]) for row in rows(section(README, "Exit codes")) if row[0].isdigit()} == told


def test_the_documents_name_no_command_that_is_not_there() -> None:
    groups = {name.split()[0] for name in COMMANDS}
    called = {name for text in TEXTS.values() for name in re.findall(r"`(?:\w+=\w+ )?modassist ([a-z]+)", text)}
    assert called
    assert called <= groups


# -- for works councils ----------------------------------------------------------------------------------------------

PRIVACY = TEXTS["docs/privacy.md"]
STORED = {
    "titles and texts of posts, user names": {"sources", "cursors", "threads", "posts", "members"},
    "earlier texts of posts": {"post_versions"},
    "states, signals with the words": {"analyses", "thread_states", "findings", "queue", "post_words"},
    "that a thread was put off or finished": {"thread_marks", "set_aside"},
    "that an alert was sent": {"outbox", "outbox_threads", "told"},
    "how the bot is doing": {"bot"},
    "verdicts: ": {"verdicts"},
    "salted hashes of names": {"forgotten", "settings"},
}


def test_the_page_for_works_councils_tells_of_every_table_of_the_database(tmp_path: Path) -> None:
    with Store.open(tmp_path / "new.sqlite") as store:
        tables = {row[0] for row in store.db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    ours = {name for name in tables if not name.startswith(("_", "sqlite_", "post_words_"))}
    assert ours == set().union(*STORED.values())
    told = [row[0] for row in rows(section(PRIVACY, "What is stored, and where"))]
    assert not [words for words in STORED if not any(line.startswith(words) for line in told)]


def test_the_page_for_works_councils_names_true_settings_and_the_true_default() -> None:
    asked = set(re.findall(r"`([a-z]+\.[a-z_]+)`", PRIVACY))
    assert asked >= {"privacy.names", "privacy.retention_days", "alerts.first_look_hours"}
    assert asked <= set(KNOWN)
    assert PrivacySettings().retention_days == 180
    assert "`privacy.retention_days` is 180 unless" in PRIVACY
    assert "[docs/privacy.md](docs/privacy.md)" in README


# -- settings --------------------------------------------------------------------------------------------------------

FULL = blocks(section(README, "Settings"), "toml")[0]


def test_the_readme_shows_every_setting_with_its_default(tmp_path: Path) -> None:
    names: set[str] = set()
    head = ""
    for line in FULL.splitlines():
        if heading := re.match(r"\[(\w+)\]", line):
            head = heading[1] + "."
        elif key := re.match(r"(?:# )?(\w+) =", line):
            names.add(head + key[1])
    assert names == {name for name, known in KNOWN.items() if known.kind is not kinds.secret}
    shown, usual = load(settings_file(tmp_path, FULL), {}, {}).values, load(None, {}, {}).values
    assert {n: v.shown for n, v in shown.items() if n != "database"} == {
        n: v.shown for n, v in usual.items() if n != "database"
    }


def test_the_readme_names_the_variable_of_every_secret() -> None:
    secrets = [known.variable for known in KNOWN.values() if known.kind is kinds.secret]
    assert secrets
    assert all(f"`{variable}`" in README for variable in secrets)


def test_every_variable_that_the_documents_name_is_one() -> None:
    known = {variable_of(setting, forum) for setting in KNOWN.values() for forum in ("", "name")}
    known.add("MODASSIST_CONFIG")
    found = {name for text in TEXTS.values() for name in re.findall(r"\bMODASSIST_[A-Z_]*[A-Z]\b", text)}
    assert found - {"MODASSIST_SECTION_NAME"} <= known


@pytest.fixture(scope="module")
def built_in() -> Folder:
    return read_folders([rules_root()])


EXAMPLES = [block for text in TEXTS.values() for block in blocks(text, "toml")]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_settings_example_is_accepted_and_disables_rules_that_exist(
    example: str, tmp_path: Path, built_in: Folder
) -> None:
    for pattern in load_all(settings_file(tmp_path, example), {}, {})[0].rules.disable:
        assert any(fnmatchcase(rule, pattern) for rule in built_in.rules), pattern


def settings_file(folder: Path, content: str) -> Path:
    tomllib.loads(content)
    file = folder / "modassist.toml"
    file.write_text(content, encoding="utf-8")
    return file


# -- commands as they are written ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One call of the program: variables set before it, arguments, and the file its output goes to."""

    env: Mapping[str, str]
    arguments: tuple[str, ...]
    output: str


def steps(line: str) -> list[Step]:
    """A line of a shell, as far as the documents use the shell: variables, `&&`, `>`."""
    words = shlex.split(line, comments=True)
    return [_step(list(group)) for is_word, group in groupby(words, lambda word: word != "&&") if is_word]


def _step(words: list[str]) -> Step:
    env = {}
    while re.match(r"[A-Z_]+=", words[0]):
        name, _, env[name] = words.pop(0).partition("=")
        env[name] = env.pop(name)
    assert words[0] == "modassist", words
    output = words[-1] if ">" in words else ""
    return Step(env, tuple(words[1 : words.index(">")] if output else words[1:]), output)


def parse(arguments: Iterable[str]) -> click.Command:
    """The command that would run. Raises click.UsageError where it would not."""
    command: click.Command = cli.group
    context = click.Context(command, info_name="modassist")
    rest = list(arguments)
    while isinstance(command, click.Group):
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
    with command.make_context(command.name, rest, parent=context):
        return command


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_in_the_help_of_a_command_would_run(name: str) -> None:
    Path("my-rules").mkdir()
    example = str(COMMANDS[name].epilog).partition("Example:\n")[2].strip()
    assert COMMANDS[name] in [parse(step.arguments) for step in steps(example)]


def test_a_wrong_example_would_be_noticed() -> None:
    with pytest.raises(click.UsageError):
        parse(["digest", "--formt", "html"])
    with pytest.raises(click.UsageError):
        parse(["digets"])


SHELL = [line for text in TEXTS.values() for block in blocks(text, "sh") for line in block.splitlines()]


@pytest.mark.parametrize("line", [line for line in SHELL if line.startswith("modassist ")])
def test_a_command_that_is_shown_without_being_run_would_run(line: str) -> None:
    Path("my-rules").mkdir()
    assert all(parse(step.arguments) for step in steps(line))


def test_every_make_target_that_the_readme_shows_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = {target for line in re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE) for target in [line]}
    assert shown
    assert not [target for target in shown if not re.search(rf"^{target}:", makefile, re.MULTILINE)]


@dataclass(frozen=True)
class Ran:
    """A console line of the README, how it should have ended, and how it did."""

    line: str
    wanted: int
    result: Result


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[Ran]:
    """All console blocks, one after the other in one folder, as a reader would go through them."""
    records = [record for record in STORY.records if record["id"] in ENGLISH]
    staff = {post["username"] for record in records for post in record["posts"] if post["staff"]}
    names = {row["id"]: row["name"] for row in STORY.categories}
    server = ForumServer(records, now=lambda: STORY.now, categories=names, groups={"team": sorted(staff)})
    with server as forum, pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("reader"))
        Path("threads.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        lines = [line for block in blocks(README, "console") for line in block.splitlines()]
        assert all(line.startswith("$ ") for line in lines)
        return [_run(line.removeprefix("$ "), forum.url) for line in lines]


def _run(line: str, url: str) -> Ran:
    code = re.search(r"# exit code (\d+)$", line)
    wanted = int(code[1]) if code else 0
    for step in steps(line.replace(FORUM, url)):
        arguments = [*step.arguments, "--now", STORY.now.isoformat()]
        result = CliRunner().invoke(cli.group, arguments, env=dict(step.env))
        if step.output:
            Path(step.output).write_bytes(result.stdout_bytes)
        if result.exit_code != wanted:
            break
    return Ran(line, wanted, result)


def test_every_console_line_of_the_readme_ends_as_it_says(ran: list[Ran]) -> None:
    wrong = {one.line: one.result.output[-400:] for one in ran if one.result.exit_code != one.wanted}
    assert not wrong
    assert {one.wanted for one in ran} == {0, 1, 2, 3}


def test_the_thread_on_the_first_screen_is_what_the_program_prints(ran: list[Ran]) -> None:
    digest = next(one for one in ran if one.line == "modassist digest").result.stdout
    title = "Dock grinds at night"
    card = next(card for card in re.split(r"^─+$", digest, flags=re.MULTILINE) if title in card)
    invented = words(blocks(README, "text")[0]) - words(card)
    assert not invented, f"copy the thread anew; it now reads{card}"


def words(shown: str) -> Counter[str]:
    """Words without the marks of evidence: these move, and lines with them, whenever a rule is mended."""
    return Counter(re.findall(r"\w+", shown))


# -- links, rules, modules -------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    without_code = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[name]):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), target


def test_the_packs_in_the_guide_and_its_table_of_phrases_hold(tmp_path: Path) -> None:
    for block in blocks(RULES, "yaml"):
        written(tmp_path / block.splitlines()[0].removeprefix("# "), block)
    phrases = [row for row in rows(section(RULES, "Phrases")) if row[1] in ("de", "en", "fi")]
    assert len(phrases) > 20
    for lang, group in groupby(sorted(phrases, key=lambda row: row[1]), lambda row: row[1]):
        content = f"signal: praise\nlang: {lang}\nrules:\n"
        written(tmp_path / "my-rules" / lang / "praise.yaml", content + "".join(map(_phrase_rule, group)))
    assert check([tmp_path / "my-rules"]) == []


def _phrase_rule(row: list[str]) -> str:
    phrase, finds, leaves_alone = (json.dumps(row[cell].strip("`"), ensure_ascii=False) for cell in (0, 3, 4))
    id = "-".join(re.findall(r"\w+", row[0].lower().translate(str.maketrans("äöüß", "aous"))))
    return (
        f"  - id: {id}-{len(row[0])}\n    title: {json.dumps(row[2])}\n    why: {phrase}\n    phrases: [{phrase}]\n"
        f"    must_match: [{finds}]\n    must_not_match: [{leaves_alone}]\n"
    )


def written(file: Path, content: str) -> None:
    assert not file.exists(), f"two blocks for {file.name}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")


def test_the_guide_switches_off_a_rule_that_exists(built_in: Folder) -> None:
    off = re.findall(r"signal: (\w+)\nlang: (\w+)\nrules:\n  - id: ([\w-]+)\n    disabled: true", RULES)
    assert off
    assert all(f"{lang}/{signal}/{id}" in built_in.rules for signal, lang, id in off)


def test_every_rule_that_the_documents_name_exists(built_in: Folder) -> None:
    own = set(re.findall(r"- id: ([\w-]+)", RULES))
    ids = {id for text in (README, RULES) for id in re.findall(r"\b(?:de|en|fi)/\w+/[\w-]+", text)}
    ids = {id for id in ids if id.rpartition("/")[2] not in own and id.split("/")[1] in {*Signal, *CUES}}
    assert ids
    assert ids <= set(built_in.rules)


def test_the_guide_tells_of_every_field_weight_and_cue() -> None:
    assert not [name for name in (*FIELDS, *WEIGHTS) if f"`{name}`" not in RULES]
    listed = {row[0].strip("`"): row[1] for row in rows(section(RULES, "Cues"))}
    del listed["cue"]
    assert listed == {name: role.replace("any", "anybody") for name, role in CUES.items()}


def test_the_design_lists_every_module_and_no_other() -> None:
    folder = ROOT / "modassist"
    modules = {path for path in folder.rglob("*.py") if not path.stem.startswith("__")}
    listed: list[Path] = []
    for group in section(DESIGN, "The modules").split("\n\n"):
        if place := re.match(r"\s*`modassist/`|\s*`([\w/]+)/`", group):
            names = re.findall(r"^- `(\w+)`", group, re.MULTILINE)
            listed += [folder / (place[1] or "") / f"{name}.py" for name in names]
    assert sorted(listed) == sorted(modules)
