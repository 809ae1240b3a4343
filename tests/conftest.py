"""Every test stands alone: an empty home and current folder, no settings of ours in the environment, a fixed terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from modassist.judging import detectors


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("MODASSIST_") or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "CLICOLOR_FORCE"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    for name, folder in (("HOME", home), ("XDG_CONFIG_HOME", home / ".config"), ("XDG_CACHE_HOME", home / ".cache")):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("TERM", "xterm-256color")
    workplace = tmp_path / "work"
    workplace.mkdir()
    monkeypatch.chdir(workplace)


@pytest.fixture(scope="session", autouse=True)
def built_in_detectors() -> Iterator[None]:
    """The built-in packs are the same in every test: they are read once."""
    load = detectors.load
    held: list[detectors.Detectors] = []

    def load_once(folders: Sequence[Path] = (), disable: Sequence[str] = ()) -> detectors.Detectors:
        if folders or disable:
            return load(folders, disable)
        if not held:
            held.append(load())
        return held[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detectors, "load", load_once)
        yield
