"""Predictions of clips by a run whose features pretrained encoders made."""

import json
import shutil

import numpy as np
import pytest

import amh_tf
from amh_tf import errors
from amh_tf.deploy import write
from amh_tf.extraction import settings
from amh_tf.features.pretrained import choice
from amh_tf.prediction import attention_plot, clip_features
from tests import commands
from tests.extraction import demo
from tests.features.pretrained import tiny
from tests.prediction import conftest

MODALITIES = ("audio", "text", "video")


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    return {
        "audio_features": str(tiny.wav2vec2(folder / "wav2vec2")),
        "text_features": str(tiny.bert(folder / "bert")),
        "video_features": str(tiny.clip(folder / "clip")),
    }


@pytest.fixture(scope="module")
def trained(places, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    encoders = {
        name: choice.Choice(place, layer="1-2") for name, place in zip(MODALITIES, places.values())
    }
    chosen = settings.Settings(modalities=MODALITIES, encoders=encoders)
    return conftest.train(demo.write(demo.read(), chosen, folder / "data"), folder / "run")


def test_clip_gives_what_the_run_gave(trained, places, tmp_path):
    row, spoken = conftest.a_tested_one(trained)
    moved = {name: shutil.copytree(place, tmp_path / name) for name, place in places.items()}
    predicted = amh_tf.load(trained).predict(conftest.clip_of(spoken), **moved)
    expected = [float(row[name]) for name in predicted.classes]
    np.testing.assert_allclose([*predicted.probabilities.values()], expected, atol=2e-4)
    assert all(predicted.known) and len(predicted.known) == len(predicted.words)
    assert predicted.audio_steps_per_second == 25


def test_timeline_gives_what_predict_gives(trained, places, tmp_path):
    _, spoken = conftest.a_tested_one(trained)
    (tmp_path / "turns.csv").write_text("start,end,text\n0.1,0.9,We were here.\n")
    run, asked = amh_tf.load(trained), {"audio": spoken.audio, **places}
    (entry,) = run.timeline(segments=tmp_path / "turns.csv", **asked).entries
    predicted = run.predict(text="We were here.", start=0.1, end=0.9, **asked)
    assert entry.probabilities == pytest.approx(predicted.probabilities, abs=1e-6)
    heard = [hop for hop in entry.hops if hop.modality == "audio"]
    assert heard[0].end == pytest.approx(len(heard[0].weights) / 25)
    del asked["audio_features"]
    with pytest.raises(errors.InputError, match=r"encoder of audio is missing.*--audio_features"):
        run.timeline(segments=tmp_path / "turns.csv", **asked)


@pytest.mark.parametrize("name", ["audio_features", "text_features", "video_features"])
def test_missing_encoder_is_asked_for_by_name(trained, places, name):
    _, spoken = conftest.a_tested_one(trained)
    others = {other: place for other, place in places.items() if other != name}
    encoder = places[name].rpartition("/")[2]
    with pytest.raises(errors.InputError, match=rf"'{encoder}'.*SHA-256.*--{name}"):
        amh_tf.load(trained).predict(conftest.clip_of(spoken), **others)


def test_another_encoder_and_a_changed_weight_are_refused(trained, places, tmp_path):
    _, spoken = conftest.a_tested_one(trained)
    run = amh_tf.load(trained)
    other = tiny.bert(tmp_path / "other", layers=2)
    changed = tmp_path / "bert"
    shutil.copytree(places["text_features"], changed)
    weights = bytearray((changed / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (changed / "model.safetensors").write_bytes(weights)
    for place, file in ((other, "config.json differs"), (changed, "model.safetensors differs")):
        match = rf"'.*{place.name}' is not the encoder that made the text.*'bert'.*{file}"
        with pytest.raises(errors.InputError, match=match):
            run.predict(conftest.clip_of(spoken), **{**places, "text_features": str(place)})
    with pytest.raises(errors.InputError, match=r"is not the encoder.*'wav2vec2'"):
        swapped = {**places, "audio_features": str(tiny.wav2vec2(tmp_path / "w", "group"))}
        run.predict(conftest.clip_of(spoken), **swapped)


def test_encoder_that_no_feature_needs_is_refused(places, tmp_path):
    words = settings.Settings(modalities=("audio", "text"))
    data = demo.write(demo.read(), words, tmp_path / "data")
    run_dir = conftest.train(data, tmp_path / "run", modalities=("audio", "text"))
    with pytest.raises(errors.InputError, match=r"`text_features` is not used.*Leave"):
        amh_tf.load(run_dir).predict(text="why", audio="", text_features=places["text_features"])


@pytest.mark.slow
def test_command_takes_the_places(trained, places):
    _, spoken = conftest.a_tested_one(trained)
    flags = [f"--{name}={place}" for name, place in places.items() if name != "video_features"]
    predict = ["-m", "amh_tf.predict", f"--audio={spoken.audio}", "--text=why no ?"]
    finished = commands.run(*predict, f"--run_dir={trained}", *flags, "--format=json")
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["prediction"] in ("low", "high")


def test_weights_are_compared_once(trained, places, monkeypatch):
    _, spoken = conftest.a_tested_one(trained)
    run, calls = amh_tf.load(trained), []
    digests = clip_features.run_encoders.encoder_files.digests
    monkeypatch.setattr(
        clip_features.run_encoders.encoder_files,
        "digests",
        lambda *arguments: calls.append(arguments) or digests(*arguments),
    )
    for _ in range(2):
        run.predict(conftest.clip_of(spoken), **places)
    assert len(calls) <= 2 * len(MODALITIES)


def test_weights_of_a_hop_stand_at_their_times(trained, places):
    _, spoken = conftest.a_tested_one(trained)
    predicted = amh_tf.load(trained).predict(conftest.clip_of(spoken), **places)
    axes = attention_plot.picture(predicted).axes
    seconds = len(predicted.waveform) / 16000
    (hop,) = [n for n, (name, _) in enumerate(predicted.hops, 1) if name == "audio"][:1]
    times = axes[hop].lines[0].get_xdata()
    stride = predicted.audio_stride
    np.testing.assert_allclose(times[0], stride * 0.02, atol=1e-6)
    np.testing.assert_allclose(np.diff(times), stride * 0.04, atol=1e-6)
    assert seconds - 0.1 < times[-1] + stride * 0.02 < seconds + stride * 0.04


@pytest.mark.slow
def test_export_names_the_encoders_that_a_client_must_run(trained, tmp_path):
    write.write(trained, tmp_path / "export")
    card = (tmp_path / "export" / "model_card.md").read_text()
    features = json.loads((trained / "inputs.json").read_text())["features"]
    for modality, name in zip(MODALITIES, ("wav2vec2", "bert", "clip")):
        digest = features[modality]["files"]["model.safetensors"]
        assert f"'{name}'" in card and digest in card
    served = amh_tf.load(tmp_path / "export")
    assert set(served._signatures) == {"serving_default", "classify", "attention"}
    with pytest.raises(errors.InputError, match="takes no recordings"):
        served.predict(text="why")
