"""Every test stands alone: an empty home and current folder, no settings of ours in the environment, a fixed terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from modassist.judging import detectors
from modassist.resources import rules_root
from modassist.rules import rulebook
from modassist.rules.shelf import Shelf
from receivers import HookReceiver, MailServer, receiving

SLOW = (
    "test_verdict_training.py",
    "test_kill.py",
    "test_soak.py",
    "test_learned.py",
    "test_encoder.py",
    "test_faults.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no core waits for another at the end. Order means nothing else."""
    items.sort(key=lambda item: item.path.name not in SLOW)


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was made of rule packs, for all tests and workers of a run: only what it was made of names it."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shelf"


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shelf: Path) -> None:
    for name in list(os.environ):
        if name.startswith("MODASSIST_") or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "CLICOLOR_FORCE"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    for name, folder in (("HOME", home), ("XDG_CONFIG_HOME", home / ".config"), ("XDG_CACHE_HOME", shelf)):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("TERM", "xterm-256color")
    workplace = tmp_path / "work"
    workplace.mkdir()
    monkeypatch.chdir(workplace)


@pytest.fixture(scope="session", autouse=True)
def built_in_detectors() -> Iterator[None]:
    """The built-in packs are the same in every test: they are read once."""
    load, load_packs = detectors.load, rulebook.load_packs
    held: list[detectors.Detectors] = []

    def load_once(
        folders: Sequence[Path] = (), disable: Sequence[str] = (), *, learned: detectors.Learned | None = None
    ) -> detectors.Detectors:
        if folders or disable:
            return load(folders, disable, learned=learned)
        if not held:
            held.append(load())
        return replace(held[0], learned=learned)

    def load_packs_once(*folders: Path, disable: Sequence[str] = (), shelf: Shelf | None = None) -> rulebook.RulePacks:
        if folders != (rules_root(),) or disable:
            return load_packs(*folders, disable=disable, shelf=shelf)
        return load_once().packs if held else load_packs(*folders, shelf=shelf)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detectors, "load", load_once)
        patch.setattr(rulebook, "load_packs", load_packs_once)
        yield


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """A mail server on loopback."""
    with receiving(MailServer) as server:
        yield server


@pytest.fixture
def hook() -> Iterator[HookReceiver]:
    """A receiver of web hooks on loopback."""
    with receiving(HookReceiver) as server:
        yield server
