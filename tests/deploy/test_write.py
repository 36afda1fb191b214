"""Writing an export: versions, and runs that cannot be exported."""

import dataclasses
import errno
import json
import shutil

import keras
import numpy as np
import pytest

from amh_tf import config, feature_kinds, models, schema
from amh_tf.deploy import model_card, serving, write
from amh_tf.features import text
from amh_tf.runs import run_inputs, trained
from tests import conftest as shared


@pytest.fixture
def copied(run_dir, tmp_path):
    """A run that a test may damage."""
    return shutil.copytree(run_dir, tmp_path / "run")


def change_config(folder, **model):
    path = folder / "config.json"
    fields = json.loads(path.read_text())
    fields["model"].update(model)
    path.write_text(json.dumps(fields))


def remove(name):
    return lambda folder: (folder / name).unlink()


def unscored(folder):
    path = folder / "metrics.json"
    path.write_text(json.dumps({"dev": json.loads(path.read_text())["dev"]}))


def cut_model(folder):
    path = folder / "model.keras"
    path.write_bytes(path.read_bytes()[:-5000])


def spoil_weights(folder):
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    model.get_layer("logits").bias.assign(np.full(7, np.nan, np.float32))
    model.save(folder / "model.keras")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove("config.json"), "not the folder of a run"),
        (remove("model.keras"), "no trained model yet"),
        (unscored, "not a finished run.*dev and test"),
        (cut_model, "model.keras.*cannot be read"),
        (spoil_weights, "NaN or infinity in .*logits"),
        (lambda folder: change_config(folder, audio_units=13), "numbers for a model of"),
        (lambda folder: change_config(folder, from_another_version=1), "of this version"),
        (lambda folder: (folder / "metrics.json").write_text("{"), "metrics.json"),
    ],
)
def test_run_that_cannot_be_exported_is_refused(copied, tmp_path, damage, message):
    damage(copied)
    with pytest.raises(ValueError, match=message):
        write.write(copied, tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_export_needs_no_data_set(copied, tmp_path, declared_data):
    path = copied / "config.json"
    fields = json.loads(path.read_text())
    fields["data"]["data_dir"] = str(tmp_path / "gone")
    path.write_text(json.dumps(fields))
    alone = trained.read(copied)
    scored = np.sum(alone.reports["test"]["confusion_matrix"], axis=1)
    np.testing.assert_array_equal(alone.inputs.fold.label_counts["test"], scored)
    cards = [
        model_card.text(run, 1, {}) for run in (alone, trained.read(copied, declared_data.folder))
    ]
    assert cards[0] == cards[1] and "Fingerprint `" in cards[0]
    # A run of a former version has not noted its fold.
    fields = json.loads((copied / "inputs.json").read_text())
    del fields["fold"]
    (copied / "inputs.json").write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"gone' is not a data folder"):
        trained.read(copied)
    told = trained.read(copied, declared_data.folder)
    assert model_card.text(told, 1, {}) == cards[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"label_counts": {"train": [1], "dev": [1], "test": [1]}},
            "fold.label_counts`: expected a count for each class",
        ),
        ({"number": -1}, "fold.number`: expected `int` >= 0"),
        ({"name": {}}, "fold.name`: expected `str`, got `object`"),
        ({"warnings": [5]}, r"fold.warnings\[0\]`: expected `str`, got `int`"),
    ],
)
def test_damaged_notes_of_the_fold_are_refused(copied, change, message):
    fields = json.loads((copied / "inputs.json").read_text())
    fields["fold"].update(change)
    (copied / "inputs.json").write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=rf"inputs\.json' cannot be read.*{message}"):
        trained.read(copied)


def test_data_set_that_moved_or_changed_is_told(copied, tmp_path, declared_data):
    moved = shutil.copytree(declared_data.folder, tmp_path / "moved")
    assert trained.read(copied, moved).inputs.vocabulary_path == moved / "vocabulary.txt"
    (moved / "vocabulary.txt").write_text("one\nword\n")
    with pytest.raises(ValueError, match=r"54 words in 9 bytes of vocabulary.txt"):
        trained.read(copied, moved)
    with pytest.raises(ValueError, match="not a data folder"):
        trained.read(copied, tmp_path)


def test_versions_are_numbered_and_kept(exported, run_dir, monkeypatch, tmp_path):
    output = shutil.copytree(exported.folder, tmp_path / "export")
    (output / "serving" / "7").mkdir()
    (output / "serving" / "not a version").mkdir()
    before = (output / "serving" / "1" / "saved_model.pb").read_bytes()
    # What is written into the folders has tests of its own.
    monkeypatch.setattr(write.serving, "save", lambda run, folder: fake_save(folder))
    monkeypatch.setattr(write.edge, "save", lambda model, settings, folder: fake_save(folder))
    served, edge, refused = write.write(run_dir, output)
    assert refused == []
    assert (served, edge) == (output / "serving" / "8", output / "edge")
    assert (output / "serving" / "1" / "saved_model.pb").read_bytes() == before
    assert (edge / "saved_model.pb").read_bytes() == b"new"
    assert (edge / "assets.extra" / "classes.txt").read_text().split() == list(schema.PAPER_CLASSES)
    described = json.loads((edge / "assets.extra" / "edge.json").read_text(encoding="utf-8"))
    # The planted-cue set does not say how it was cut.
    assert list(map(tuple, described["text_rules"])) == list(text.rules(text.SPACES))
    assert "version 8" in (output / "model_card.md").read_text()
    assert not list(output.rglob("*partial*"))


def test_version_appears_when_all_of_it_is_there(run_dir, monkeypatch, tmp_path):
    monkeypatch.setattr(write.serving, "save", lambda run, folder: fake_save(folder))

    def fail(model, settings, folder):
        assert not list((tmp_path / "serving").glob("[0-9]*"))
        raise OSError(errno.EIO, "the disk is gone")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="the disk is gone"):
        patched.setattr(write.edge, "save", fail)
        write.write(run_dir, tmp_path)
    assert not list((tmp_path / "serving").iterdir()) and not (tmp_path / "edge").exists()
    monkeypatch.setattr(write.edge, "save", lambda model, settings, folder: fake_save(folder))
    served, *_ = write.write(run_dir, tmp_path)
    assert served.name == "1" and (tmp_path / "model_card.md").exists()


def test_two_exports_at_once_do_not_mix(run_dir, monkeypatch, tmp_path):
    def save(run, folder):
        with pytest.raises(ValueError, match=r"is in use.*--output_dir"):
            write.write(run_dir, tmp_path)
        return fake_save(folder)

    monkeypatch.setattr(write.serving, "save", save)
    monkeypatch.setattr(write.edge, "save", lambda model, settings, folder: fake_save(folder))
    write.write(run_dir, tmp_path)
    assert [path.name for path in (tmp_path / "serving").iterdir()] == ["1"]


def fake_save(folder):
    (folder / "saved_model.pb").write_bytes(b"new")

    class Module:
        functions = {}  # noqa: RUF012

    return Module


def test_folder_of_other_files_is_not_replaced(run_dir, tmp_path):
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match="not an edge module"):
        write.write(run_dir, tmp_path)
    assert (tmp_path / "edge" / "thesis.tex").exists() and not (tmp_path / "serving").exists()


def described_run(tmp_path, fold, features, **settings):
    """A run of a small model on a data set that says this of its features, not trained."""
    vocabulary = tmp_path / "vocabulary.txt"
    vocabulary.write_text("_PAD_\n_UNK_\nword\n")
    small = {"audio_units": 3, "text_units": 3, "video_units": 3, "num_hops": 2}
    made = config.ModelConfig(**{"vocabulary_size": 3, **small, **settings})
    fold = dataclasses.replace(fold, manifest=dataclasses.replace(fold.manifest, features=features))
    inputs = dataclasses.replace(run_inputs.of_fold(fold), vocabulary_path=vocabulary)
    run_config = config.RunConfig(config.DataConfig(""), made, config.TrainingConfig(), "")
    return trained.Trained(run_config, models.build(made), inputs, {})


@pytest.mark.parametrize(
    ("settings", "signatures"),
    [
        ({"modalities": ("text", "video")}, {"raw": {"transcript", "video", "video_length"}}),
        (
            {"modalities": ("audio", "text"), "model": "mdre", "num_hops": None},
            {
                "raw": {"waveform", "waveform_length", "transcript"},
                "raw_wav": {"wav_bytes", "transcript"},
                "attention": None,
            },
        ),
        ({"modalities": ("video",), "model": "rnn_attn", "num_hops": None}, {"raw": None}),
    ],
)
def test_signatures_fit_what_the_model_reads(tmp_path, tiny_fold, settings, signatures):
    run = described_run(tmp_path, tiny_fold, shared.MADE_HERE, **settings)
    functions = serving.ServingModule(run).functions
    for name, inputs in signatures.items():
        if inputs is None:
            assert name not in functions
        else:
            assert set(functions[name].input_signature[0]) == inputs


WORDS = {"modalities": ("text",), "model": "rnn_attn", "num_hops": None}
UNSURE = {
    "planted": (None, {}, "synthetic, made of no recording"),  # what the fold itself says
    "nobody knows": ({"made_from": feature_kinds.FOLDS}, {}, "--audio\\_features=mfcc"),
    "as wide": ({**shared.MADE_HERE, "audio": shared.WAV2VEC}, {}, "described as 'my wav2vec\\_2'"),
    "another width": (
        {**shared.MADE_HERE, "audio": shared.WAV2VEC}, {"audio_width": 60}, "described as",
    ),
    "another recipe": ({"made_from": feature_kinds.RECORDINGS}, {}, "Received: version 1"),
    "words": ({"text": {"kind": "unknown"}}, WORDS, "it is not known"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNSURE)
def test_sound_is_not_taken_where_nobody_says_how_features_are_made(kind, tmp_path, tiny_fold):
    features, settings, said = UNSURE[kind]
    features = features or tiny_fold.manifest.features
    run = described_run(tmp_path, tiny_fold, features, **settings)
    module = serving.ServingModule(run)
    assert {"raw", "raw_wav"}.isdisjoint(module.functions)
    assert {"serving_default", "classify"} <= module.functions.keys()
    described = model_card.text(run, 1, {})
    assert "There are no signatures `raw` and `raw_wav`" in described
    assert said in described
    write._write_tables(run, tmp_path / "tables")
    told = json.loads((tmp_path / "tables" / "edge.json").read_text())["features"]
    assert any(told[modality]["refusal"] for modality in told)


def test_raw_inputs_are_cut_as_the_data_set_was(tiny_fold):
    recipe = {"max_lengths": {"text": 2}, "audio": {"use_energy": True}}
    made = dataclasses.replace(tiny_fold.manifest, features=recipe)
    for manifest, lengths, energy in (
        (tiny_fold.manifest, schema.MAX_LENGTHS, False),
        (made, {"audio": 750, "text": 2, "video": 25}, True),
    ):
        inputs = run_inputs.of_fold(dataclasses.replace(tiny_fold, manifest=manifest))
        assert (inputs.max_lengths, inputs.use_energy) == (lengths, energy)


def test_words_unknown_to_the_fold_count_as_unknown(run_dir, copied):
    """As in training, where the pipeline replaces them."""
    known = np.ones(54, bool)
    known[[9, 30]] = False
    fields = json.loads((copied / "inputs.json").read_text())
    (copied / "inputs.json").write_text(json.dumps({**fields, "unknown_ids": [9, 30]}))
    vectors = trained.read(copied).model.get_layer("word_vectors").get_weights()[0]
    plain = keras.saving.load_model(run_dir / "model.keras").get_layer("word_vectors")
    expected = np.array(plain.get_weights()[0])
    np.testing.assert_array_equal(vectors[[9, 30]], expected[[schema.UNKNOWN_ID] * 2])
    np.testing.assert_array_equal(vectors[known], expected[known])
