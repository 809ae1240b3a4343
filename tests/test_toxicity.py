"""detoxify's real code with a tiny checkpoint made here: how it is loaded, and what is refused. Needs the extra."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from builders import customer, staff, thread
from modassist import cli
from modassist.config.layers import load as load_settings
from modassist.errors import ModelError
from modassist.learned.toxicity import INSULTING, Detoxify, load
from modassist.model import Signal
from modassist.records.stream import load_judge
from modassist.records.threads import from_thread

pytestmark = [pytest.mark.extras, pytest.mark.filterwarnings("ignore")]  # what torch and transformers warn of is theirs

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("detoxify")

NOW = datetime(2026, 4, 1, tzinfo=UTC)
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "you", "are", "stupid", "the", "pump", "drips", "again", ".")
CLASSES = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")


def content(folder: Path, *, insult: float) -> dict[str, Any]:
    """What a checkpoint of detoxify holds: a BERT of a few numbers that gives every text this logit for insults."""
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    config.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 512}), encoding="utf-8")
    model = transformers.BertForSequenceClassification(
        transformers.BertConfig(**{**config.to_dict(), "num_labels": len(CLASSES)})
    )
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([9.0, 9.0, 9.0, -9.0, insult, -9.0]))
    names = {"model_type": "bert-base-uncased", "model_name": "BertForSequenceClassification"}
    arch = {"args": {**names, "tokenizer_name": "BertTokenizer", "num_classes": len(CLASSES)}}
    return {"config": {"arch": arch, "dataset": {"args": {"classes": list(CLASSES)}}}, "state_dict": model.state_dict()}


def saved(folder: Path, held: object, name: str = "tiny.ckpt") -> tuple[Path, str]:
    file = folder / name
    torch.save(held, file)
    return file, hashlib.sha256(file.read_bytes()).hexdigest()


def model(folder: Path, *, insult: float) -> Detoxify:
    found = load("original", *saved(folder, content(folder, insult=insult)))
    assert found is not None
    return found


def test_a_local_checkpoint_is_scored_without_the_hub(tmp_path: Path) -> None:
    assert model(tmp_path, insult=2.0).score("You are stupid.") == pytest.approx(0.881, abs=0.001)


def test_rudeness_and_obscenity_alone_are_no_abuse(tmp_path: Path) -> None:
    found = model(tmp_path, insult=-9.0)
    assert found._model.predict("stupid")["obscene"] > 0.99
    assert found.score("You are stupid.") < 0.01


def test_its_classes_are_named_as_expected_here(tmp_path: Path) -> None:
    assert set(INSULTING) <= model(tmp_path, insult=0.0)._model.predict("x").keys()


def test_a_text_much_longer_than_the_model_reads_is_scored(tmp_path: Path) -> None:
    assert model(tmp_path, insult=2.0).score("the pump drips again. " * 2000) == pytest.approx(0.881, abs=0.001)


def test_a_checkpoint_with_another_hash_is_not_opened(tmp_path: Path) -> None:
    file, _ = saved(tmp_path, content(tmp_path, insult=2.0))
    found = load("original", file, "0" * 64)
    assert found is not None
    with pytest.raises(ModelError, match="sha256 begins"):
        found.score("x")


class Runs:
    """Unpickled, it makes a folder: what a bad checkpoint could do."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.target,)


def test_a_checkpoint_that_would_run_code_is_refused_unless_its_whole_hash_is_pinned(tmp_path: Path) -> None:
    target = tmp_path / "made"
    file, digits = saved(tmp_path, {"config": Runs(str(target)), "state_dict": {}}, "toxic_debiased-c7548aa0.ckpt")
    found = load("unbiased", file, digits)
    assert found is not None
    short = Detoxify("unbiased", type(found.checkpoint)(file, digits[:8]))
    with pytest.raises(ModelError, match="more than weights"):
        short.score("x")
    assert not target.exists()


@pytest.mark.parametrize("held", [{}, {"config": {}, "state_dict": {}}, [1, 2], "text"])
def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path, held: object) -> None:
    found = load("original", *saved(tmp_path, held))
    assert found is not None
    with pytest.raises(ModelError, match="no checkpoint of detoxify") as refused:
        found.score("x")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_pickle_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tiny.ckpt"
    file.write_bytes(b"no pickle at all")
    found = load("original", file, hashlib.sha256(b"no pickle at all").hexdigest())
    assert found is not None
    with pytest.raises(ModelError, match="no checkpoint of detoxify"):
        found.score("x")


def settings_file(folder: Path, *, insult: float) -> Path:
    checkpoint, digits = saved(folder, content(folder, insult=insult))
    file = folder / "modassist.toml"
    file.write_text(
        f'[detection]\nmodel = "off"\ntoxicity = "original"\ntoxicity_checkpoint = "{checkpoint.name}"\n'
        f'toxicity_sha256 = "{digits}"\n[forum]\nstaff_usernames = ["mod_a"]\n',
        encoding="utf-8",
    )
    return file


def test_switched_on_customers_posts_in_english_are_assessed(tmp_path: Path) -> None:
    settings = load_settings(settings_file(tmp_path, insult=2.0), {}, {})
    talk = thread(customer("The pump drips again, what a day."), staff("Thanks for telling us, I will look at it."))
    first, reply = load_judge(settings, NOW).analyse(talk).judgement.posts
    assert [finding.by for finding in first.findings if finding.signal is Signal.ABUSE] == [("detoxify",)]
    assert not reply.shows(Signal.ABUSE)


def test_a_bad_checkpoint_ends_the_command_in_one_line(tmp_path: Path) -> None:
    file = settings_file(tmp_path, insult=2.0)
    (tmp_path / "tiny.ckpt").write_bytes(b"replaced meanwhile")
    talk = thread(customer("The pump drips again, what a day, and nobody helps me here."))
    records = tmp_path / "threads.jsonl"
    records.write_text(json.dumps(from_thread(talk)) + "\n", encoding="utf-8")
    done = CliRunner().invoke(cli.group, ["analyse", "--config", str(file), str(records)])
    assert done.exit_code == 1
    assert "sha256 begins" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_and_a_run_without_it_import_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from modassist import cli; from modassist.records.stream import load_judge;"
        "from modassist.config.layers import load; from datetime import datetime, UTC;"
        "load_judge(load(None, {}, {'detection.model': 'off'}), datetime.now(UTC));"
        "print([name for name in ('torch', 'transformers', 'detoxify', 'sentence_transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"
