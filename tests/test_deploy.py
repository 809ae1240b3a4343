"""The ready files in deploy/: they parse, call the program as it is, and stand in the README as they are."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from modassist import cli
from modassist.config.settings import KNOWN

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = ("modassist.service", "modassist-once.service", "modassist-once.timer", "crontab", "Dockerfile", "compose.yaml")
UNITS = ("modassist.service", "modassist-once.service", "modassist-once.timer")


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    """A unit file: sections, keys, their values in order."""
    found: dict[str, dict[str, list[str]]] = {}
    head = ""
    for line in text(name).splitlines():
        if line.startswith("["):
            head = line.strip("[]")
            found[head] = {}
        elif line and not line.startswith("#"):
            key, sign, value = line.partition("=")
            assert sign, line
            found[head].setdefault(key, []).append(value)
    return found


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text("compose.yaml"))
    return loaded


@pytest.mark.parametrize("name", SHOWN)
def test_the_readme_shows_each_file_as_it_is(name: str) -> None:
    assert f"# deploy/{name}\n{text(name)}```" in README


def test_there_is_no_file_that_nobody_is_told_of() -> None:
    assert {path.name for path in DEPLOY.iterdir()} == {*SHOWN, "Dockerfile.dockerignore"}


def test_every_call_of_the_program_would_run() -> None:
    calls = re.findall(r"modassist/bin/modassist (run.*)|\.venv/bin/modassist (.*)", "\n".join(map(text, SHOWN)))
    arguments = [shlex.split(first or second) for first, second in calls]
    assert len(arguments) == 3
    context = click.Context(cli.group)
    for name, *rest in arguments:
        command = cli.group.get_command(context, name)
        assert command
        with command.make_context(name, rest, parent=context) as made:
            assert "once" in made.params


def test_every_variable_in_the_files_is_a_setting() -> None:
    known = {setting.variable for setting in KNOWN.values()} | {"MODASSIST_CONFIG"}
    used = set(re.findall(r"\bMODASSIST_[A-Z_]+", "\n".join(map(text, SHOWN))))
    assert used
    assert used <= known


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_has_the_sections_that_systemd_wants(name: str) -> None:
    sections = unit(name)
    assert sections["Unit"]["Description"]
    assert "Timer" in sections or sections["Service"]["ExecStart"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for name in UNITS:
        content = text(name).replace("/opt/modassist/bin/modassist", "/bin/true")
        (tmp_path / name).write_text(content, encoding="utf-8")
    command = ["systemd-analyze", "verify", *(str(tmp_path / name) for name in UNITS)]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    about_ours = [line for line in checked.stderr.splitlines() if "modassist" in line]
    assert (about_ours, checked.returncode) == ([], 0)


def test_the_service_is_told_to_reload_and_given_time_to_end() -> None:
    service = unit("modassist.service")["Service"]
    assert service["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert int(service["TimeoutStopSec"][0]) > 10
    assert service["StateDirectory"] == ["modassist"]


def test_the_timer_starts_the_unit_of_its_name() -> None:
    assert unit("modassist-once.timer")["Timer"]["OnCalendar"]
    assert unit("modassist-once.service")["Service"]["Type"] == ["oneshot"]


def test_the_image_names_no_registry_and_runs_as_a_plain_user() -> None:
    lines = text("Dockerfile").splitlines()
    images = [line.split()[1] for line in lines if line.startswith("FROM")]
    assert set(images) == {"python:3.13-slim"}
    assert [line for line in lines if line.startswith("USER")] == ["USER modassist"]
    copied = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    assert not [name for name in copied if not (ROOT / name).exists()]
    allowed = {line.removeprefix("!") for line in text("Dockerfile.dockerignore").splitlines() if line.startswith("!")}
    assert set(copied) == allowed


def test_the_container_runs_a_command_and_asks_the_page_that_is_there() -> None:
    lines = text("Dockerfile").splitlines()
    entry, command = (json.loads(line.partition(" ")[2]) for line in lines if line.startswith(("ENTRYPOINT", "CMD [")))
    assert entry == ["modassist"]
    assert cli.group.get_command(click.Context(cli.group), *command)
    (probe,) = [line for line in lines if "healthz" in line]
    assert "http://127.0.0.1:9108/healthz" in probe
    assert "MODASSIST_METRICS_PORT=9108" in text("Dockerfile")


def test_the_keys_of_the_container_can_be_read_by_its_user_alone() -> None:
    (user,) = re.findall(r"useradd .*--uid (\d+)", text("Dockerfile"))
    keys = [Path(secret["file"]).name for secret in compose()["secrets"].values()]
    assert f"chown {user} {' '.join(keys)} && chmod 600 {' '.join(keys)}" in README


def test_the_container_writes_nowhere_but_into_its_volume() -> None:
    service = compose()["services"]["modassist"]
    assert service["read_only"] is True
    assert service["environment"]["MODASSIST_DATABASE"].startswith("/data/")
    assert "data:/data" in service["volumes"]
    assert set(service["secrets"]) == set(compose()["secrets"])
