"""Commands about the installation: `init`, `config`, `doctor`, `schema`."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import click

from modassist.commands.run import Run, command
from modassist.digest.printable import one_line
from modassist.errors import ConfigError, ModassistError


@command("init", "modassist init --url https://community.example.com --language de --staff-group team")
@click.option("--url", help="Address of the forum.")
@click.option("--language", help="Of digests and notes: de, en or fi.")
@click.option("--timezone", help="Of the forum, such as Europe/Berlin.")
@click.option("--staff-group", "staff_groups", multiple=True, help="A group whose members are staff (repeatable).")
@click.option("--api-username", help="The account that the API key belongs to.")
@click.option("--offline", is_flag=True, help="Write the file without asking the forum.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def init_command(
    run: Run,
    url: str | None,
    language: str | None,
    timezone: str | None,
    staff_groups: tuple[str, ...],
    api_username: str | None,
    offline: bool,
    force: bool,
) -> None:
    """Write a commented modassist.toml for a forum.

    Sees whether the forum answers; if it does not, nothing is written. Asks for what is missing when run on a terminal.
    """
    from modassist.config.layers import FILE_NAME, as_toml, load

    file = run.config or Path(FILE_NAME)
    if file.exists() and not force:
        raise ConfigError(f"{file} exists already", "--force replaces it")
    given = {
        "forum.url": url or _asked("Address of the forum", "--url"),
        "language": language or _asked("Language of digests and notes (de, en, fi)", "--language", "en"),
        "timezone": timezone or _asked("Time zone of the forum", "--timezone", _local_zone()),
        "forum.staff_groups": list(staff_groups) or None,
        "forum.api_username": api_username,
    }
    checked = load(None, {}, given)  # refuses what `poll` would refuse, before anything is written
    if not offline:  # before the file too: with a wrong address, the same command has to work once more
        title = _forum_title(checked.forum.url, file)
        click.echo(f"The forum answers: {one_line(title)}" if title else "The forum answers.")
    _write_new(file, as_toml({name: value for name, value in given.items() if value}), force)
    click.echo(f"{file} written.")
    run.tell("Next: modassist poll, then modassist digest. `modassist doctor` checks everything.")


def _asked(question: str, option: str, default: str | None = None) -> str:
    if sys.stdin.isatty():
        answer: str = click.prompt(question, default=default, err=True)
        return answer
    if default is None:
        raise click.UsageError(f"{option} is missing, and there is no terminal to ask on.")
    return default


def _local_zone() -> str:
    """The zone of this machine where the system names it, else UTC."""
    parts = Path("/etc/localtime").resolve().parts
    return "/".join(parts[parts.index("zoneinfo") + 1 :]) if "zoneinfo" in parts else "UTC"


def _write_new(file: Path, content: str, force: bool) -> None:
    try:
        with file.open("w" if force else "x", encoding="utf-8") as out:
            out.write(content)
    except OSError as fault:
        raise ConfigError(f"{file}: cannot be written: {fault.strerror}", "--config names another file") from fault


def _forum_title(url: str, file: Path) -> str:
    """The forum's own name. Raises ForumError, which says that the file was not written."""
    from modassist.errors import ForumError
    from modassist.forum.discourse import Forum

    try:
        with Forum(url) as forum:
            return str(forum.basic_info().get("title") or "")
    except ForumError as fault:
        hint = "; ".join(part for part in (fault.hint, "--offline writes it without asking") if part)
        raise ModassistError(f"{file} was not written: {fault.message}", hint) from fault


@command("config", "MODASSIST_LIMITS_REPLY_HOURS=48 modassist config")
def config_command(run: Run) -> None:
    """Show every setting in force and where it came from."""
    from modassist.config.layers import explained

    click.echo(explained(run.settings()), nl=False)


@command("schema", "modassist schema result > result.schema.json")
@click.argument("record", type=click.Choice(["thread", "result"]), required=False)
def schema_command(run: Run, record: str | None) -> None:
    """Print the JSON Schema of thread records or result records.

    Thread records are the input, result records the output; without a name, both are printed.
    """
    schemas = {name: (resources.files("modassist") / "schema" / f"{name}.json") for name in ("thread", "result")}
    if record:
        click.echo(schemas[record].read_text(encoding="utf-8"), nl=False)
        return
    click.echo("{")
    click.echo(",\n".join(f'"{name}": {file.read_text(encoding="utf-8").rstrip()}' for name, file in schemas.items()))
    click.echo("}")


@command("doctor", "modassist doctor --config modassist.toml")
def doctor_command(run: Run) -> None:
    """Check everything and say what to do about each fault.

    Settings, rules, database, forum, rights of the key, categories, staff.
    """
    from modassist.doctor import examine

    faults = 0
    for finding in examine(run.settings, now=run.now()):
        faults += finding.is_fault
        click.echo(f"{finding.mark} {one_line(f'{finding.what}: {finding.found}')}")
        if finding.todo:
            click.echo(f"       {one_line(finding.todo)}")
    if faults:
        raise ModassistError(f"{faults} of the checks failed", "each says above what to do")
