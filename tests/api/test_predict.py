"""A loaded run answers files, arrays and lists, and shows its answers."""

import json
import re
from html import parser
from pathlib import Path

import numpy as np
import pytest
from matplotlib import figure
from scipy.io import wavfile

import amh_tf
from amh_tf import errors
from amh_tf.api import asked
from amh_tf.features import decoding, film, samples
from amh_tf.prediction import clip, predictor
from tests import commands
from tests.prediction import test_ravdess_model

MODEL = test_ravdess_model.MODEL


@pytest.fixture(scope="module")
def run():
    return amh_tf.load(MODEL)


@pytest.fixture(scope="module")
def vowel(tmp_path_factory):
    return test_ravdess_model.vowel(tmp_path_factory.mktemp("sound") / "vowel.wav")


@pytest.fixture(scope="module")
def prediction(run, vowel):
    return run.predict(vowel)


def values(prediction):
    return np.array([*prediction.probabilities.values()])


@pytest.mark.slow
def test_answer_is_the_commands(prediction, vowel):
    finished = commands.run(
        *("-m", "amh_tf.predict", f"--run_dir={MODEL}", f"--audio={vowel}", "--format=json")
    )
    answer, expected = json.loads(finished.stdout), prediction.as_dict()
    # The command's graph is optimized, that of quick tests is not.
    probabilities = pytest.approx(expected.pop("probabilities"), abs=1e-6)
    assert answer.pop("probabilities") == probabilities
    assert answer == expected
    assert prediction.best == prediction.as_dict()["prediction"]


def test_array_with_its_rate_is_the_file(run, prediction, vowel):
    rate, sound = wavfile.read(vowel)
    for array in (sound, sound / 32768, np.stack([sound, sound], axis=1)):
        np.testing.assert_allclose(
            values(run.predict(array, rate=rate)), values(prediction), atol=1e-6
        )
    (pair,) = run.predict([(sound, rate)])
    assert pair.probabilities == run.predict(sound, float(rate)).probabilities


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_samples_are_read_as_their_file_is(tmp_path, rate, channels):
    sound = np.random.default_rng(1).integers(-9000, 9000, (rate, channels)).astype(np.int16)
    wavfile.write(tmp_path / "a.wav", rate, sound)
    for span in ((None, None), (0.25, 0.75)):
        expected = decoding.load_audio(tmp_path / "a.wav", *span)
        own = decoding.load_audio(samples.Samples(sound, rate), *span)
        np.testing.assert_array_equal(own, expected)
        floats = samples.Samples((sound / 32768).astype(np.float32), rate)
        np.testing.assert_allclose(decoding.load_audio(floats, *span), expected, atol=1e-6)
    if channels == 1:
        flat = samples.Samples(sound[:, 0], rate)
        np.testing.assert_array_equal(
            decoding.load_audio(flat), decoding.load_audio(tmp_path / "a.wav")
        )


@pytest.mark.slow
def test_batch_is_its_clips(run, vowel, monkeypatch):
    monkeypatch.setattr(predictor, "BATCH", 2)
    rate, sound = wavfile.read(vowel)
    files = [vowel, (sound[:20000], rate), str(vowel), clip.Clip(audio=str(vowel), end=1.0)]
    together = run.predict(files)
    assert len(together) == 4
    for one, of_batch in zip(files, together):
        alone = run.predict(one)
        np.testing.assert_allclose(values(of_batch), values(alone), atol=1e-6)
        for (name, weights), (own_name, own) in zip(of_batch.hops, alone.hops, strict=True):
            assert name == own_name and weights.shape == own.shape
            np.testing.assert_allclose(weights, own, atol=1e-6)
    assert values(together[0]) == pytest.approx(values(together[2]))
    assert run.predict([]) == []


@pytest.mark.slow
def test_model_is_read_once(vowel, monkeypatch):
    folder, reads = predictor.run_folder.RunFolder, []
    load = folder.load_model
    monkeypatch.setattr(folder, "load_model", lambda own: reads.append(1) or load(own))
    run = amh_tf.load(MODEL)
    assert not reads
    first = run.predict([vowel, vowel])
    run.predict(vowel, start=0.5)
    assert len(reads) == 1 and len(first) == 2


def test_span_is_of_the_file_and_of_the_array(run, vowel):
    rate, sound = wavfile.read(vowel)
    of_file = run.predict(vowel, start=0.5, end=1.5)
    assert len(of_file.waveform) == 16000
    assert values(run.predict(sound, rate, start=0.5, end=1.5)) == pytest.approx(values(of_file))


@pytest.mark.parametrize(
    ("said", "settings", "problem"),
    [
        (None, {}, "There is no clip"),
        ("nowhere.wav", {}, r"nowhere\.wav.*missing"),
        ("", {}, "This is not a clip"),
        (3, {}, "This is not a clip.*Received: 3"),
        (["a.wav", None], {}, "This is not a clip.*Received: None"),
        (np.zeros(16000), {}, "`rate` is not a sample rate.*None"),
        (np.zeros(16000), {"rate": 16000.5}, "rate=16000.5"),
        (np.zeros(16000), {"rate": "16k"}, "rate='16k'"),
        (np.zeros(16000), {"rate": True}, "rate=True"),
        (np.zeros(16000), {"rate": 10**7}, "`rate` is not a sample rate.*rate=1"),
        (np.zeros((2, 16000)), {"rate": 16000}, r"not sound.*\(2, 16000\)"),
        (np.zeros(0), {"rate": 16000}, r"not sound.*\(0,\)"),
        (np.zeros(16000, "U1"), {"rate": 16000}, "dtype"),
        (np.full(16000, 3000.0), {"rate": 16000}, "floats up to 3000"),
        (np.full(16000, np.nan), {"rate": 16000}, "not numbers"),
        (np.zeros(100), {"rate": 16000}, "the array is too short.*100"),
        (np.zeros(16000), {"rate": 16000, "start": 2.0}, "the array.*does not hold the span"),
        (np.zeros(16000), {"rate": 16000, "start": 1.0, "end": 0.5}, "no span of time"),
        ("a.wav", {"audio": "b.wav"}, "`audio` is given twice"),
        (["a.wav", "b.wav"], {"text": ["x"]}, "`text` does not suit.*1 texts for 2 clips"),
        ("a.wav", {"side": "middle"}, "`side` is not known"),
        ("a.wav", {"txt": "x"}, "`txt` is not known to predict. Expected 'text'"),
        ("a.wav", {"start": "1"}, "`start` has the wrong type"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:All-NaN")
def test_bad_input_is_refused(run, said, settings, problem):
    with pytest.raises(errors.InputError, match=problem):
        run.predict(said, **settings)


def test_clip_says_itself_what_it_is(run, vowel):
    with pytest.raises(errors.InputError, match=r"nothing beside a `Clip`.*start"):
        run.predict(amh_tf.Clip(audio=vowel), start=1.0)
    assert amh_tf.Clip(audio=vowel).audio == str(vowel)


@pytest.mark.parametrize(
    ("sees", "path", "field"),
    [
        (True, "a.mp4", "video"),
        (True, "a.WAV", "audio"),
        (False, "a.mp4", "audio"),
        (True, Path("a.mkv"), "video"),
    ],
)
def test_file_is_a_film_where_the_model_sees(sees, path, field, monkeypatch):
    monkeypatch.setattr(film, "is_film", lambda path: str(path).endswith((".mp4", ".mkv")))
    (chosen,) = asked.clips(path, None, {"text": "x"}, sees)
    assert getattr(chosen, field) == str(path) and chosen.text == "x"
    one, other = asked.clips([path, path], None, {"text": ["x", ""]}, sees)
    assert (one.text, other.text) == ("x", "")


class Tags(parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.names, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        assert not any(name in ("src", "href") or name.startswith("on") for name, _ in attributes)

    def handle_data(self, data):
        self.text += data


def made(classes, **changes):
    """A prediction of whatever names."""
    shares = np.linspace(1, 2, len(classes))
    fields = {
        "data": "set", "text": "", "words": [], "known": [], "waveform": None, "frames": None,
        "hops": [], "notes": [], **changes,
    }  # fmt: skip
    probabilities = dict(zip(classes, (shares / shares.sum()).tolist()))
    return clip.Prediction(classes=tuple(classes), probabilities=probabilities, **fields)


def test_page_escapes_what_users_name():
    hostile = ["<script>alert(1)</script>", '"><img src=x onerror=y>', "&amp;", "a\u202eb", "$x$"]
    shown = made(hostile, data="<b>set</b>", text="<i>said</i>", notes=["<u>note</u>"])
    tags = Tags(shown._repr_html_())
    assert set(tags.names) == {"div", "strong", "table", "tr", "td", "small"}
    assert tags.names.count("tr") == len(hostile)
    for name in (*hostile[:3], "<b>set</b>", "<i>said</i>", "<u>note</u>"):
        assert name in tags.text
    assert "\u202e" not in tags.text and tags.text.startswith("$x$")
    assert "http" not in shown._repr_html_()


def test_page_shows_every_class_in_its_order(prediction):
    shares = re.findall(r"nums\">([.\d]+)<", prediction._repr_html_())
    assert shares == [f"{value:.3f}" for value in sorted(values(prediction), reverse=True)]
    assert "RAVDESS" in prediction._repr_html_() and "angry" in repr(prediction)
    assert len(repr(prediction)) < 80


def test_plot_has_axes_for_classes_and_hops(prediction, tmp_path):
    drawing = prediction.plot()
    assert isinstance(drawing, figure.Figure) and len(drawing.axes) == 1 + len(prediction.hops) == 2
    names = [label.get_text() for label in drawing.axes[0].get_yticklabels()]
    assert sorted(names) == sorted(prediction.classes) and names[-1] == prediction.best
    widths = [bar.get_width() for bar in drawing.axes[0].patches]
    assert widths == pytest.approx(sorted(values(prediction)))
    assert drawing.axes[1].get_ylabel() == "hop 1\naudio"
    assert drawing._repr_png_().startswith(b"\x89PNG")
    drawing.savefig(tmp_path / "out.svg")
    assert (tmp_path / "out.svg").stat().st_size > 10_000


def test_plot_of_a_model_without_attention_shows_the_classes():
    drawing = made(["$a$", "<b>"]).plot()
    assert len(drawing.axes) == 1 and drawing._repr_png_().startswith(b"\x89PNG")


def test_folder_that_is_neither_run_nor_export_is_refused(tmp_path):
    with pytest.raises(errors.InputError, match=r"neither a run nor an export.*no such folder"):
        amh_tf.load(tmp_path / "nowhere")
    with pytest.raises(errors.InputError, match=r"config\.json.*saved_model\.pb.*without them"):
        amh_tf.load(tmp_path)
