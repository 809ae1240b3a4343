"""The model that is shipped is what the corpora in this repository teach: anybody can make it again.

Training is deterministic to the byte with the same libraries on the same kind of machine (`test_learned` proves that on a
small corpus). Another release of a library may round the last digit of a weight otherwise, and a mended rule moves what
rules say of a post; so the word layer, which knows no rule, is compared closely, and the decisions by what they decide.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from modassist.judging import detectors
from modassist.learned.loading import BUILT_IN
from modassist.learned.model_file import FLAG, TrainedModel, read, to_bytes
from modassist.model import LANGUAGES, Role
from modassist.training.examples import read_threads
from modassist.training.fit import fit

CORPORA = Path(__file__).resolve().parents[1] / "corpora"

pytestmark = [pytest.mark.extras, pytest.mark.timeout(600)]  # two minutes; make test-extras


@cache
def retrained() -> TrainedModel:
    threads = read_threads([CORPORA / lang for lang in LANGUAGES])
    return fit(threads, detectors.load(), about=read(BUILT_IN).about).model


def stored(model: TrainedModel, tmp_path: Path) -> TrainedModel:
    path = tmp_path / "again.model"
    path.write_bytes(to_bytes(model))
    return read(path)


@pytest.mark.parametrize("role", [Role.STAFF, Role.CUSTOMER])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_words_of_the_shipped_model_are_learnt_from_the_corpora(role: Role, lang: str, tmp_path: Path) -> None:
    ours, theirs = (m.heads[role].words[lang][0] for m in (read(BUILT_IN), stored(retrained(), tmp_path)))
    step = np.maximum(np.abs(ours).max(axis=0), 1e-9) / 127
    apart = np.abs(ours - theirs) / step
    assert (apart > 2).mean() < 0.001


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_shipped_thresholds_are_found_again(lang: str) -> None:
    ours, again = (model.thresholds[lang]["normal"] for model in (read(BUILT_IN), retrained()))
    assert again[FLAG] == pytest.approx(ours[FLAG], abs=0.05)
    assert again["complaint"] == pytest.approx(ours["complaint"], abs=0.05)


def test_the_shipped_model_decides_as_the_retrained_one() -> None:
    ours, again = (model.heads[Role.STAFF].weights.ravel() for model in (read(BUILT_IN), retrained()))
    assert np.corrcoef(ours, again)[0, 1] > 0.995


def test_it_is_the_same_file_where_libraries_and_rules_are_the_same() -> None:
    made = hashlib.sha256(to_bytes(retrained())).hexdigest()
    if made != hashlib.sha256(BUILT_IN.read_bytes()).hexdigest():
        pytest.skip("other libraries, another processor or a mended rule: compared above instead")
