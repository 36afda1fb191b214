"""Encoders that cannot be used are refused by name, with the reason and what to do."""

import hashlib
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from amh_tf import errors
from amh_tf.features.pretrained import choice, encoder_files, network, opening
from tests.features.pretrained import tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    return {
        "audio": tiny.wav2vec2(folder / "wav2vec2"),
        "text": tiny.bert(folder / "bert"),
        "video": tiny.clip(folder / "clip"),
    }


@pytest.fixture
def copy(folders, tmp_path):
    """Returns a copy of an encoder's folder that may be damaged."""
    return lambda modality: shutil.copytree(folders[modality], tmp_path / folders[modality].name)


def refuse(modality, path, match, **chosen):
    with pytest.raises(errors.InputError, match=match):
        opening.open_encoder(modality, choice.Choice(str(path), **chosen))


@pytest.mark.parametrize("modality", ["audio", "text", "video"])
def test_folder_that_is_not_there_says_how_to_get_one(modality, tmp_path):
    flag = f"`{modality}_features` does not name an encoder"
    refuse(modality, tmp_path / "none", rf"(?s){flag}.*no such folder.*save_pretrained")
    refuse(modality, tmp_path, rf"(?s){flag}.*without config.json")
    refuse(modality, tmp_path / "none.onnx", rf"(?s){flag}.*no such file")


def test_folder_without_weights_is_refused(copy):
    folder = copy("text")
    (folder / "model.safetensors").unlink()
    refuse("text", folder, "without its weights.*no model.safetensors")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl"])
def test_pickled_weights_are_refused_and_not_read(copy, name, tmp_path):
    folder, trace = copy("audio"), tmp_path / "ran"
    (folder / "model.safetensors").unlink()
    code = f"cposix\nsystem\n(S'touch {trace}'\ntR."
    (folder / name).write_text(code)
    refuse("audio", folder, f"pickled.*{name}.*save_pretrained")
    assert not trace.exists()


def test_pickled_weights_beside_safe_ones_are_ignored(copy):
    folder = copy("text")
    (folder / "pytorch_model.bin").write_bytes(b"cposix\nsystem\n(S'false'\ntR.")
    opening.open_encoder("text", choice.Choice(str(folder)))


@pytest.mark.parametrize(
    ("modality", "name"),
    [
        ("audio", "config.json"),
        ("text", "config.json"),
        ("text", "tokenizer_config.json"),
        ("video", "preprocessor_config.json"),
    ],
)
def test_code_of_a_folder_is_refused_and_not_run(copy, modality, name, tmp_path):
    folder, trace = copy(modality), tmp_path / "ran"
    (folder / "own.py").write_text(f"open({str(trace)!r}, 'w')")
    tiny.edit(folder / name, auto_map={"AutoModel": "own.Model", "AutoTokenizer": ["own.T", None]})
    refuse(modality, folder, f"code of its own.*`auto_map` in {name}")
    assert not trace.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"num_hidden_layers": 2},  # the weights have three
        {"num_hidden_layers": 4},
        {"intermediate_size": 32},
        {"model_type": "roberta"},
        {"model_type": "no such type"},
    ],
)
def test_weights_of_another_architecture_than_the_configuration_are_refused(copy, changes):
    folder = copy("text")
    tiny.edit(folder / "config.json", **changes)
    refuse(
        "text", folder, r"(bert.*does not suit text|does not suit text.*bert).*Expected.*Received"
    )


def test_architecture_without_a_name_does_not_matter(copy):
    folder = copy("text")
    tiny.edit(folder / "config.json", architectures=[None])
    assert opening.open_encoder("text", choice.Choice(str(folder))).width == tiny.WIDTH


def test_weights_of_other_tasks_do_not_matter(copy):
    """A language model's head, and a pooler that was never trained."""
    transformers = tiny.library("transformers")
    folder = copy("text")
    model = transformers.AutoModel.from_pretrained(folder)
    before = dict(encode_text(folder))
    headed = transformers.BertForMaskedLM(model.config)
    headed.bert.load_state_dict(model.state_dict(), strict=False)
    headed.save_pretrained(folder)
    np.testing.assert_allclose(dict(encode_text(folder))[0], before[0], atol=1e-6)


def encode_text(folder):
    encoder = opening.open_encoder("text", choice.Choice(str(folder)))
    return [(place, vectors) for place, vectors, _ in encoder(["why no ?"], 9, "spaces")]


@pytest.mark.parametrize("rate", [8000, 22050])
def test_other_sampling_rates_are_refused(copy, rate, tmp_path):
    folder = copy("audio")
    tiny.edit(folder / "preprocessor_config.json", sampling_rate=rate)
    refuse("audio", folder, f"16000 samples a second.*sampling_rate={rate}")
    path, _ = tiny.onnx_sound(tmp_path / "tiny.onnx", sampling_rate=rate)
    refuse("audio", path, f"16000 samples a second.*sampling_rate={rate}")


@pytest.mark.parametrize(
    ("modality", "place"), [("audio", "text"), ("text", "video"), ("video", "audio")]
)
def test_encoder_of_something_else_is_refused(folders, modality, place):
    refuse(modality, folders[place], r"has no (feature extractor|tokenizer|image processor)|suit")


@pytest.mark.parametrize("layer", ["4", "2-9"])
@pytest.mark.parametrize("modality", ["audio", "text", "video"])
def test_layer_beyond_the_last_is_refused(folders, modality, layer):
    refuse(modality, folders[modality], f"it has 3 hidden layers.*--{modality}_layer", layer=layer)


def test_more_steps_than_there_are_are_refused(folders):
    match = "at most the 50 steps.*audio_steps_per_second=80"
    refuse("audio", folders["audio"], match, steps_per_second=80.0)


@pytest.mark.parametrize("modality", ["audio", "text", "video"])
def test_encoder_that_gives_nan_is_refused_by_name(copy, modality):
    torch, transformers = tiny.library("torch"), tiny.library("transformers")
    folder = copy(modality)
    model = transformers.AutoModel.from_pretrained(folder)
    next(p for name, p in model.named_parameters() if "layer_norm" in name.lower()
         or "LayerNorm" in name).data.fill_(torch.nan)  # fmt: skip
    model.save_pretrained(folder)
    with pytest.raises(errors.InputError, match=rf"{folder.name}.*not numbers.*encoder_dtype"):
        encoder = opening.open_encoder(modality, choice.Choice(str(folder)))
        list(encoder(["why"], 3, "spaces"))


@pytest.mark.parametrize("kept", [0, 4, 8, 100, -1, -100])
def test_cut_weights_are_refused(copy, kept):
    folder = copy("text")
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:kept])
    refuse(
        "text", folder, r"bert.*(safetensors|Safetensor).*(Copy or save the encoder|Save it) again"
    )


@pytest.mark.parametrize("fields", [{"num_hidden_layers": 10**9}, {"vision": {"depths": [10**9]}}])
def test_layers_without_weights_are_not_built(copy, fields):
    folder = copy("text")
    tiny.edit(folder / "config.json", **fields)
    refuse("text", folder, r"config\.json' describes more layers than there are weights")


def test_folder_is_called_by_its_own_name(copy, monkeypatch):
    monkeypatch.chdir(copy("text"))
    for place in (".", "../bert/", "../bert/."):
        assert opening.open_encoder("text", choice.Choice(place)).record["encoder"] == "bert"


def test_name_that_results_cannot_show_is_refused(copy, tmp_path):
    folder = copy("text").rename(tmp_path / "two\nlines")
    refuse("text", folder, r"`text_features` has a name that results cannot show.*two\\nlines")


def test_tokenizer_that_is_not_there_is_asked_for(copy):
    folder = copy("text")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    refuse("text", folder, r"(?s)has no tokenizer.*tokenizer\.json.*AutoTokenizer")


@pytest.mark.parametrize(
    ("modality", "changes", "match"),
    [
        ("audio", {"conv_stride": [0] * 7}, r"integers of at least 1.*conv_stride=\[0"),
        ("video", {"size": {"shortest_edge": 10**5}}, r"1 to 4096 pixels.*100000"),
        ("video", {"image_mean": ["much"] * 3}, r"CLIPImageProcessorPil.*Received: ValueError"),
        ("video", {"do_resize": False, "do_center_crop": False}, r"doesn't match model"),
    ],
)
def test_settings_that_do_not_work_are_refused_before_the_work(copy, modality, changes, match):
    folder = copy(modality)
    name = "config.json" if modality == "audio" else "preprocessor_config.json"
    tiny.edit(folder / name, **changes)
    refuse(modality, folder, rf"(?s){folder.name}.*{match}")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", b"{"),
        ("model.safetensors", b"\xff" * 100),
        ("tokenizer.json", b"{}"),
        ("tokenizer.json", b"no json"),
    ],
)
def test_damaged_file_is_refused_by_name(copy, file, content):
    folder = copy("text")
    (folder / file).write_bytes(content)
    refuse("text", folder, r"bert")


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"input": "sound"}, "the inputs sound and the output states.*inputs waveform"),
        ({"output": "logits"}, "the output logits.*outputs states"),
        ({"mask": "attention"}, "inputs attention, waveform"),
        ({"steps_per_second": 100}, "100 steps of 1 s of sound.*49"),
        ({"steps_per_second": 0}, "steps_per_second"),
        ({"step_per_second": 50}, "unknown field 'step_per_second'"),
        ({"modality": "text"}, "modality"),
        ({"modality": None}, "modality"),
    ],
)
def test_description_that_does_not_fit_is_refused(tmp_path, said, match):
    path, _ = tiny.onnx_sound(tmp_path / "tiny.onnx")
    tiny.edit(tmp_path / "tiny.json", **said)
    refuse("audio", path, match)


@pytest.mark.parametrize("samples", [16000, 400])
def test_file_of_one_length_of_sound_is_refused(tmp_path, samples):
    path, _ = tiny.onnx_sound(tmp_path / "tiny.onnx", samples=samples)
    refuse("audio", path, rf"waveform with a first axis of any size.*{samples}.*dynamic")


def test_file_of_another_picture_size_is_refused(tmp_path):
    path = tiny.onnx_pictures(tmp_path / "tiny.onnx")
    tiny.edit(tmp_path / "tiny.json", picture_size=16)
    refuse("video", path, r"pixels with .*3, 16, 16.*8, 8")


def test_file_without_a_description_is_refused(tmp_path):
    path, _ = tiny.onnx_sound(tmp_path / "tiny.onnx")
    path.with_suffix(".json").unlink()
    refuse("audio", path, r"not described.*tiny.json beside it")


@pytest.mark.parametrize("content", [b"", b"\x08\x08", b"\xff" * 200])
def test_damaged_model_is_refused(tmp_path, content):
    path, _ = tiny.onnx_sound(tmp_path / "tiny.onnx")
    path.write_bytes(content)
    refuse("audio", path, "tiny.onnx.*that onnxruntime can load")


def test_layer_and_precision_of_a_file_are_its_own(tmp_path):
    path, _ = tiny.onnx_sound(tmp_path / "tiny.onnx")
    refuse("audio", path, r"--audio_layer=last.*audio_layer='2'", layer="2")
    refuse("audio", path, r"--encoder_dtype=float32.*bfloat16", dtype="bfloat16")


@pytest.mark.parametrize("name", ["torch", "transformers", "onnxruntime", "tokenizers"])
def test_missing_package_names_the_extra(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"{name}.*pip install 'amh_tf\[transformers\]'"):
        network.library(name)


@pytest.mark.parametrize("layer", ["first", "-1", "3-", "4-2", "1.5", "", "99999"])
def test_what_names_no_layer_is_refused(layer):
    with pytest.raises(errors.InputError, match=r"`audio_layer` does not name a layer.*9-12"):
        choice.check_layer("audio_layer", layer)


def test_record_holds_the_files_that_decide(folders, tmp_path):
    digests = encoder_files.digests("text", choice.Choice(str(folders["text"])))
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= digests.keys()
    content = (folders["text"] / "model.safetensors").read_bytes()
    assert digests["model.safetensors"] == hashlib.sha256(content).hexdigest()
    path, _ = tiny.onnx_words(tmp_path / "tiny.onnx")
    (tmp_path / "tiny.onnx.data").write_bytes(b"weights")
    files = encoder_files.digests("text", choice.Choice(str(path)))
    assert files.keys() == {"tiny.onnx", "tiny.onnx.data", "tiny.json", "tokenizer.json"}


def test_weights_in_several_files_are_all_read_and_noted(copy):
    transformers = tiny.library("transformers")
    folder = copy("text")
    before = encode_text(folder)[0][1]
    model = transformers.AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="4KB")
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    shards = set(index["weight_map"].values())
    assert len(shards) > 1
    np.testing.assert_allclose(encode_text(folder)[0][1], before, atol=1e-6)
    assert shards < encoder_files.digests("text", choice.Choice(str(folder))).keys()
    (folder / sorted(shards)[0]).unlink()
    refuse("text", folder, "without its weights")


def test_checking_files_imports_no_framework(folders):
    code = (
        "import sys\nfrom amh_tf.features.pretrained import choice, encoder_files\n"
        f"encoder_files.digests('text', choice.Choice({str(folders['text'])!r}))\n"
        "heavy = {'torch', 'transformers', 'onnxruntime', 'tensorflow'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
