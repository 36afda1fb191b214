"""Model files that strangers have made: of them nothing but weights is read."""

import io
import json
import os
import time
import tracemalloc
import zipfile

import h5py
import keras
import numpy as np
import pytest

from amh_tf import config, models
from amh_tf.runs import model_file

SIZES = {"audio_units": 3, "text_units": 4, "video_units": 5, "vocabulary_size": 9}


def build(**settings):
    return models.build(config.ModelConfig(**{**SIZES, **(settings or {"num_hops": 2})}), None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    build().save(path)
    return path


def rewrite(whole, path, compression=zipfile.ZIP_STORED, **members):
    """Copies a model file with other members; None leaves one out."""
    with zipfile.ZipFile(whole) as good, zipfile.ZipFile(path, "w", compression) as bad:
        contents = {name: good.read(name) for name in good.namelist()}
        contents.update({name.replace("__", "."): data for name, data in members.items()})
        for name, data in contents.items():
            if data is not None:
                bad.writestr(name, data)
    return path


def with_weights(whole, path, change):
    with zipfile.ZipFile(whole) as good:
        data = io.BytesIO(good.read("model.weights.h5"))
    with h5py.File(data, "r+") as file:
        change(file)
    return rewrite(whole, path, **{"model.weights.h5": data.getvalue()})


@pytest.mark.parametrize(
    "settings",
    [
        {"num_hops": 3},
        {"num_hops": 2, "kernel": "keras", "bidirectional": True, "audio_layers": 2},
        {"model": "mdre", "dtype": "bfloat16"},
        {"model": "mha", "modalities": ("audio", "text"), "dtype": "float16"},
        {"model": "rnn_attn", "modalities": ("video",), "cell": "gru", "reset_after": True},
    ],
)
def test_own_models_are_loaded(tmp_path, settings):
    made = build(**settings)
    made.save(tmp_path / "model.keras")
    loaded = model_file.load(tmp_path / "model.keras", lambda: build(**settings))
    for weight, other in zip(made.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


def refuse(path, problem):
    with pytest.raises(ValueError, match=rf"model\.keras.*cannot be read.*{problem}"):
        model_file.load(path, build)


def _code():
    layer = keras.layers.Lambda(lambda x: os.mkdir("owned") or x, output_shape=(2,))
    inputs = keras.Input((2,))
    return keras.Model(inputs, layer(inputs)).to_json()


@pytest.mark.parametrize(
    "written",
    [
        _code(),
        json.dumps({"module": "os", "class_name": "system", "config": {"command": "mkdir owned"}}),
        "[" * 500_000,  # takes long to look through, and more than the stack to read
        json.dumps({"config": {"layers": [{"class_name": "Dense", "units": 10**12}] * 5000}}),
        "garbage",
        "",
    ],
)
def test_what_a_file_says_of_its_model_is_not_read(whole, tmp_path, monkeypatch, written):
    monkeypatch.chdir(tmp_path)
    path = rewrite(whole, tmp_path / "model.keras", config__json=written)
    start = time.perf_counter()
    loaded = model_file.load(path, build)
    assert time.perf_counter() - start < 30
    for weight, other in zip(keras.saving.load_model(whole).get_weights(), loaded.get_weights()):
        np.testing.assert_array_equal(weight, other)
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize(
    "settings",
    [
        {"num_hops": 2, "embedding_width": 60_000, "vocabulary_size": 1 << 31},
        {"num_hops": 2, "num_classes": 8},
        {"num_hops": 2, "bidirectional": True},
        {"num_hops": 3},
        {"num_hops": 2, "modalities": ("audio", "text")},
    ],
)
def test_weights_of_another_model_are_refused_before_memory_is_taken(whole, settings):
    with pytest.raises(ValueError, match=r"model\.keras.*numbers for a model of \d+ parameters"):
        model_file.load(whole, lambda: build(**settings))


def test_weights_of_another_order_are_refused(whole):
    # As many numbers in other shapes.
    def build_other():
        count = sum(weight.size for weight in keras.saving.load_model(whole).get_weights())
        inputs = keras.Input((count - 1,))
        return keras.Model(inputs, keras.layers.Dense(1)(inputs))

    with pytest.raises(ValueError, match=r"model\.keras.*cannot be read"):
        model_file.load(whole, build_other)


@pytest.mark.parametrize("name", ["../owned", "/tmp/owned", "assets/x", "config.json "])
def test_surplus_member_is_refused(whole, tmp_path, name):
    path = rewrite(whole, tmp_path / "model.keras")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, b"x")
    refuse(path, "the members")


def test_bomb_is_refused_before_it_is_unpacked(whole, tmp_path):
    path = tmp_path / "model.keras"
    rewrite(whole, path, zipfile.ZIP_DEFLATED, config__json=b" " * (64 << 20))
    tracemalloc.start()
    refuse(path, "a compressed")
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


DATASET = "layers/dense/vars/0"


def _replaced(**settings):
    def change(file):
        del file[DATASET]
        file.create_dataset(DATASET, **settings)

    return change


def _link(link):
    def change(file):
        del file[DATASET]
        file[DATASET] = link

    return change


def _virtual(file):
    layout = h5py.VirtualLayout((2, 2), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (2, 2))
    del file[DATASET]
    file.create_virtual_dataset(DATASET, layout)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_replaced(shape=(1 << 20, 1 << 20), dtype="f4"), "in 0 bytes"),
        (_replaced(shape=(1 << 20, 1 << 20), dtype="f4", chunks=(64, 64)), "not hold plainly"),
        (_replaced(data=np.zeros((1000, 1000)), compression="gzip"), "not hold plainly"),
        (_replaced(shape=(4,), dtype="f4", external=[("/etc/passwd", 0, 16)]), "not hold plainly"),
        (_replaced(data="text"), "not numbers"),
        (_link(h5py.ExternalLink("/etc/passwd", "x")), "a link"),
        (_link(h5py.SoftLink("/layers")), "a link"),
        (_virtual, "not hold plainly"),
        (lambda file: file.__setitem__("twice", file[DATASET]), "twice"),
        (lambda file: file.__delitem__(DATASET), "numbers for a model"),
    ],
)
def test_foreign_weights_are_refused(whole, tmp_path, change, problem):
    refuse(with_weights(whole, tmp_path / "model.keras", change), problem)
