"""Where the material lies that is not part of the project: beside the checkout, in `shared/`, or named by MODASSIST_SHARED."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("MODASSIST_SHARED") or Path(__file__).resolve().parents[2] / "shared")


def needed(name: str) -> Path:
    """The path of a shared file or folder; skips the test where it is missing."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is not here: the shared material is no part of the project")
    return path
