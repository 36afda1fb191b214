"""Features by pretrained encoders: recorded, continued after a stop, the same of many workers."""

import dataclasses
import signal

import numpy as np
import pytest

from amh_tf import errors, feature_kinds
from amh_tf.corpora import table
from amh_tf.extraction import (
    extracted_source,
    extractor,
    from_recordings,
    groups,
    settings,
    work_folder,
)
from amh_tf.features import decoding
from amh_tf.features.pretrained import choice, opening
from tests import commands
from tests.extraction import demo, test_continuing
from tests.features.pretrained import tiny


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    return {
        "audio": str(tiny.wav2vec2(folder / "wav2vec2")),
        "text": str(tiny.bert(folder / "bert", positions=12)),
        "video": str(tiny.clip(folder / "clip")),
    }


def encoded(places, modalities=("audio", "text", "video"), **chosen):
    chosen = {"batch": 2, **chosen}
    encoders = {name: choice.Choice(places[name], **chosen) for name in modalities}
    return settings.Settings(modalities=tuple(modalities), encoders=encoders)


@pytest.fixture(scope="module")
def whole(places, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "data"
    return demo.write(demo.read(), encoded(places), folder, keep_work=True)


def test_data_set_says_which_encoders_made_it(whole, places):
    assert whole.widths == {"audio": tiny.WIDTH, "text": tiny.WIDTH, "video": tiny.WIDTH}
    record = whole.features["audio"]
    assert record["kind"] == "pretrained" and record["encoder"] == "wav2vec2"
    assert record["architecture"] == "Wav2Vec2Model" and record["steps_per_second"] == 25
    assert record["layer"] == "last" and record["dtype"] == "float32"
    assert record["files"].keys() == {
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    }
    assert whole.features["text"]["transcripts"] == "reference"
    digest = whole.features["text"]["files"]["model.safetensors"]
    assert digest in feature_kinds.refusal(whole.features, "text")
    assert feature_kinds.refusal(whole.features, "text", beside=True) is None


def test_features_are_those_of_each_recording_alone(whole, places):
    stored = features_of(whole)
    texts = opening.open_encoder("text", choice.Choice(places["text"]))
    sound = opening.open_encoder("audio", choice.Choice(places["audio"]))
    for spoken in demo.read().recordings[:4]:
        waveform = decoding.load_audio(spoken.audio, spoken.audio_start, spoken.audio_end)
        ((_, audio),) = sound([waveform], 750)
        ((_, text, _),) = texts([spoken.transcript], 128, "characters")
        np.testing.assert_allclose(stored[spoken.id].audio, audio, atol=1e-5)
        np.testing.assert_allclose(stored[spoken.id].text, text, atol=1e-5)
        assert stored[spoken.id].video.shape[1] == tiny.WIDTH


def test_progress_of_texts_moves_batch_by_batch(places):
    maker = extractor.Extractor(encoded(places, ("text",)))
    recordings, moments = demo.read().recordings, []
    maker.group(recordings, advance=lambda: moments.append(maker.encoder_seconds))
    assert len(moments) == len(recordings)
    assert len(set(moments)) == -(-len(recordings) // 2)


def features_of(whole):
    """Reads the features that were extracted, by id."""
    work = work_folder.WorkFolder(whole.folder.with_name("data.work"))
    made = {}
    for file in sorted(work.path.glob("*.tfrecord")):
        number, key = file.stem.split("-")
        group = work_folder.Group(int(number), (), key)
        made |= {result.id: result for result in work.features(group)}
    return made


@pytest.mark.parametrize("stop_at", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_stopped_work_goes_on_to_the_same_bytes(places, whole, tmp_path, monkeypatch, stop_at):
    with monkeypatch.context() as patched:
        test_continuing.counted(patched, stop_at)
        with pytest.raises(KeyboardInterrupt):
            demo.write(demo.read(), encoded(places), tmp_path / "data")
    demo.write(demo.read(), encoded(places), tmp_path / "data")
    assert demo.contents(tmp_path / "data") == demo.contents(whole.folder)


@pytest.mark.slow
def test_killed_work_goes_on_to_the_same_bytes(places, whole, tmp_path):
    script = (
        "import amh_tf, os, signal\n"
        "from amh_tf.extraction import work_folder\n"
        "from tests.extraction import demo, test_encoders\n"
        "left, encode = [4], work_folder._encode\n"
        "def dying(result):\n"
        "    left[0] -= 1\n"
        "    return os.kill(os.getpid(), signal.SIGKILL) if not left[0] else encode(result)\n"
        "work_folder._encode = dying\n"
        f"chosen = test_encoders.encoded({places!r})\n"
        f"demo.write(demo.read(), chosen, {str(tmp_path / 'data')!r})\n"
    )
    killed = commands.run("-c", script)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "data").exists()
    demo.write(demo.read(), encoded(places), tmp_path / "data")
    assert demo.contents(tmp_path / "data") == demo.contents(whole.folder)


def test_beam_gives_the_same_bytes(places, whole, tmp_path):
    pytest.importorskip("apache_beam", reason="the extra `beam` is not installed")
    demo.write(demo.read(), encoded(places), tmp_path / "data", runner="DirectRunner")
    assert demo.contents(tmp_path / "data") == demo.contents(whole.folder)


def test_other_layer_is_another_data_set(places, whole):
    with pytest.raises(errors.InputError, match="another data set"):
        demo.write(demo.read(), encoded(places, layer="2"), whole.folder)


def test_changed_weight_is_another_data_set(places, tmp_path, whole):
    other = {**places, "text": str(tiny.bert(tmp_path / "bert", positions=12, layers=2))}
    with pytest.raises(errors.InputError, match="another data set"):
        demo.write(demo.read(), encoded(other), whole.folder)


def lines(tmp_path, texts):
    path = tmp_path / "table.csv"
    rows = [f"u{number},{'ab'[number % 2]},{text},train" for number, text in enumerate(texts)]
    path.write_text("\n".join(["id,label,transcript,split", *rows]) + "\n")
    return table.read(path)


def test_long_texts_are_cut_and_counted(places, tmp_path, capsys):
    texts = ["why " * 30, "I am happy", "no " * 12, "so ?"]
    chosen = encoded(places, ["text"])
    written = from_recordings.write(lines(tmp_path, texts), chosen, tmp_path / "data")
    output = " ".join(capsys.readouterr().out.split())
    assert "2 texts are longer than the encoder has positions for" in output
    assert "of the time was the encoders'" in output
    assert written.vocabulary_size == 2 and written.embedding_file is None


def test_encoder_without_numbers_leaves_nothing_half_written(places, tmp_path, monkeypatch):
    chosen = encoded(places, ["text"])
    broken = Broken(opening.open_encoder("text", chosen.encoders["text"]))
    monkeypatch.setattr(extractor.opening, "open_encoder", lambda *_: broken)
    with pytest.raises(errors.InputError, match="not numbers"):
        from_recordings.write(lines(tmp_path, ["why", "no"]), chosen, tmp_path / "data")
    assert not (tmp_path / "data").exists()
    assert not list((tmp_path / "data.work").glob("*.tfrecord"))


class Broken:
    """An encoder that fails in the middle of the work."""

    def __init__(self, encoder):
        self.width, self.record, self.seconds = encoder.width, encoder.record, 0.0

    def __call__(self, *_):
        raise errors.refusal("The encoder 'x' gives values that are not numbers", "finite", "NaN")


@pytest.mark.parametrize(("batch", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (8, [5])])
def test_recordings_of_a_file_each_share_batches(tmp_path, batch, sizes):
    rows = [f"u{number},{'ab'[number % 2]},{number}.wav,train" for number in range(5)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["id,label,audio,split", *rows]) + "\n")
    chosen = settings.Settings(
        modalities=("audio",), encoders={"audio": choice.Choice("x", batch=batch)}
    )
    together = work_folder._together(table.read(path), chosen)
    assert [len(group) for group in together] == sizes


def test_speed_tells_the_encoders_share(capsys):
    groups.tell_speed(10, 2.0, 1.9)
    assert "5.0 a second. 95% of the time was the encoders'." in " ".join(
        capsys.readouterr().out.split()
    )


def test_problems_are_listed_as_ever(places, tmp_path):
    corpus = demo.read()
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    spoken = corpus.recordings[0]
    recordings = (
        dataclasses.replace(spoken, audio=str(broken), audio_start=None, audio_end=None),
        *corpus.recordings[1:],
    )
    corpus = dataclasses.replace(corpus, recordings=recordings)
    chosen = encoded(places, ["audio", "text"])
    demo.write(corpus, chosen, tmp_path / "data", on_error="skip")
    problems = (tmp_path / "data" / extracted_source.PROBLEMS_FILE).read_text().splitlines()
    assert len(problems) == 2 and problems[1].startswith(spoken.id)
