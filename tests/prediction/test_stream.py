"""A stream against the model on the whole, and on what had come until then."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from amh_tf import errors, prediction
from amh_tf.extraction import extractor
from amh_tf.features import audio, samples
from amh_tf.prediction import clip, predictor, stream
from amh_tf.runs import run_folder
from tests.extraction import demo
from tests.prediction import small_runs

ROUNDING = 1e-6
WORDS = "I am fine, thank you. And where were you?"
BOTH = {"modalities": ("audio", "text")}
# Every model, cell and layer that comes before or after encoders.
MODELS = {
    "amh": {"num_hops": 7},
    "amh ensemble": {**BOTH, "num_hops": 3, "reset_after": True, "seeds": (1, 2)},
    "mha": {"model": "mha", **BOTH, "bidirectional": False, "audio_layers": 2},
    "rnn_attn": {
        "model": "rnn_attn", "modalities": ("audio",), "bidirectional": False,
        "standardize": "global", "audio_stride": 3,
    },
    "mdre": {
        "model": "mdre", **BOTH, "modality_dropout": 0.2, "state_dropout": 0.1,
        "standardize": "speaker", "audio_stride": 4, "seeds": (1, 2),
    },
}  # fmt: skip
SOUND = small_runs.sound(2.3)
PICTURES = np.random.default_rng(2).uniform(0, 1, (7, 2048)).astype(np.float32)
OTHER = samples.Samples(small_runs.sound(1.7, seed=8), 16000)


class Opened:
    """A run and a stream of its model, which is read once."""

    def __init__(self, folder, enroll=()):
        self.folder, self.enroll = folder, enroll
        self.predictor = predictor.Predictor(folder)
        self.settings = self.predictor.settings
        self.stream = stream.Stream(self.predictor, enroll=enroll)

    def predict(self, sounds, text=""):
        """Predicts clips without pictures by what `amh_tf.predict` uses."""
        clips = [clip.Clip(audio=samples.Samples(one, 16000), text=text) for one in sounds]
        return [values(one) for one in self.predictor.predict(clips, enroll=self.enroll)]

    def compute(self, **sequences):
        """Calls the Keras model itself."""
        inputs = {"text": np.zeros((1, 1), np.int32), "text_length": np.zeros(1, np.int32)}
        for name, steps in sequences.items():
            padded = steps[None] if len(steps) else np.zeros((1, 1, steps.shape[1]), np.float32)
            inputs[name], inputs[f"{name}_length"] = padded, np.array([len(steps)], np.int32)
        return tf.nn.softmax(self.model(inputs), axis=1).numpy()[0]

    @functools.cached_property
    def model(self):
        return run_folder.RunFolder(self.folder).load_model()


@pytest.fixture(scope="module", params=MODELS)
def opened(request, tmp_path_factory):
    settings = MODELS[request.param]
    folder = small_runs.write(tmp_path_factory.mktemp("stream") / "run", **settings)
    return Opened(folder, [OTHER] if settings.get("standardize") == "speaker" else [])


@pytest.fixture(scope="module")
def amh(tmp_path_factory):
    most = {"audio": 120, "text": 6, "video": 5}
    folder = small_runs.write(tmp_path_factory.mktemp("amh") / "run", most=most, num_hops=4)
    return Opened(folder)


@pytest.fixture(autouse=True)
def begin(request):
    for name in {"opened", "amh"} & set(request.fixturenames):
        request.getfixturevalue(name).stream.reset()


def values(predicted):
    return np.array([*predicted.probabilities.values()])


def cut(sound, size):
    """Cuts sound into pieces of one size, or of random sizes, none among them."""
    sizes = np.full(len(sound), size or 0)
    if size is None:
        sizes = np.random.default_rng(3).integers(0, 900, len(sound))
    ends = np.cumsum(sizes)
    return np.split(sound, ends[ends < len(sound)])


@pytest.mark.parametrize("size", [1, 160, 1600, None])
def test_final_answer_is_that_on_the_whole(opened, size):
    text = WORDS if "text" in opened.settings.modalities else ""
    sound = SOUND[:12000] if size == 1 else SOUND
    (expected,) = opened.predict([sound], text)
    for piece in cut(sound, size):
        opened.stream.feed(piece)
    if text:
        opened.stream.feed(text=text)
    np.testing.assert_allclose(values(opened.stream.finish()), expected, rtol=0, atol=ROUNDING)
    with pytest.raises(errors.InputError, match=r"has ended.*`reset`"):
        opened.stream.feed(SOUND[:1])


def test_answer_at_any_moment_is_that_on_the_prefix(opened):
    moments = np.sort(np.random.default_rng(4).integers(400, len(SOUND), 20))
    expected = opened.predict([SOUND[:moment] for moment in moments])
    answers = []
    for piece in np.split(SOUND, moments)[:-1]:
        opened.stream.feed(piece)
        answers.append(values(opened.stream.answer()))
    np.testing.assert_allclose(answers, expected, rtol=0, atol=ROUNDING)
    # Answers differ: they would not show an error else.
    assert np.median(np.abs(np.diff(answers, axis=0)).max(axis=1)) > 20 * ROUNDING


def test_attention_is_that_on_the_prefix(opened):
    text = WORDS if "text" in opened.settings.modalities else ""
    given = clip.Clip(audio=samples.Samples(SOUND[:20000], 16000), text=text)
    (expected,) = opened.predictor.predict([given], enroll=opened.enroll)
    opened.stream.feed(SOUND[:777])
    opened.stream.answer()
    opened.stream.feed(SOUND[777:20000], text=text)
    answer = opened.stream.answer()
    assert answer.words == expected.words and answer.known == expected.known
    np.testing.assert_allclose(answer.waveform, expected.waveform, atol=1e-7)
    assert [target for target, _ in answer.hops] == [target for target, _ in expected.hops]
    for (_, own), (_, weights) in zip(answer.hops, expected.hops):
        np.testing.assert_allclose(own, weights, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("count", "samples_each"), [(2, 4500), (4, 3750), (7, 5000)])
def test_pictures_may_come_with_the_sound(amh, count, samples_each):
    """The last are more than the model sees and hears."""
    for number in range(count):
        place = number * samples_each
        amh.stream.feed(SOUND[place : place + samples_each], video=PICTURES[number : number + 1])
    heard = SOUND[: count * samples_each] / np.float32(32768)
    steps = audio.mfcc_with_deltas(heard).numpy()[:120]
    expected = amh.compute(audio=steps, video=PICTURES[:count][:5])
    answer = amh.stream.answer()
    np.testing.assert_allclose(values(answer), expected, rtol=0, atol=ROUNDING)
    assert any("first 1.2 s" in note for note in answer.notes) == (len(heard) > 20000)
    assert answer.plot().axes and answer.frames is None


def test_pictures_are_given_to_the_network(amh, monkeypatch):
    monkeypatch.setattr(extractor.feature_net, "FeatureNet", demo.QuickNet)
    frames = np.random.default_rng(5).integers(0, 255, (3, 240, 300, 3)).astype(np.uint8)
    own = stream.Stream(amh.predictor)
    own.feed(video=frames[:1])
    own.feed(video=frames[1:])
    expected = amh.compute(audio=np.zeros((0, 120), np.float32), video=demo.QuickNet()(frames))
    np.testing.assert_allclose(values(own.answer()), expected, rtol=0, atol=ROUNDING)
    assert own.answer().frames.shape == (3, 224, 224, 3)


@pytest.mark.parametrize("size", [None, 1600])
def test_no_more_is_heard_than_the_longest_input(amh, size):
    (expected,) = amh.predict([SOUND])
    for piece in cut(SOUND, size):
        amh.stream.feed(piece)
    np.testing.assert_allclose(values(amh.stream.answer()), expected, rtol=0, atol=ROUNDING)
    assert amh.stream.longest == 1.2 and amh.stream.seconds < 1.3


@pytest.mark.parametrize(
    "texts", [["i am fine"], ["I", "am", "fine"], ["i do n't", "do", "n't ."], ["do", "n't"] * 9]
)
def test_words_may_come_one_by_one(amh, texts):
    for number, text in enumerate(texts):
        amh.stream.feed(SOUND[number * 1000 : number * 1000 + 1000], text=text)
        said = " ".join(texts[: number + 1])
        (expected,) = amh.predict([SOUND[: number * 1000 + 1000]], said)
        np.testing.assert_allclose(values(amh.stream.answer()), expected, rtol=0, atol=ROUNDING)


def test_words_that_are_cut_in_another_way_are_read_again(amh, monkeypatch):
    """What comes later joins with what came before."""
    table = {"do": ["do"], "do nt": ["i", "am"], "do nt you": ["i", "am", "you"]}
    ids = amh.predictor.reader.words
    monkeypatch.setattr(amh.predictor.reader, "words", lambda text: ids(" ".join(table[text])))
    for text in ("do", "nt", "you"):
        amh.stream.feed(text=text)
    found = values(amh.stream.answer())
    monkeypatch.undo()
    amh.stream.reset()
    amh.stream.feed(text="i am you")
    np.testing.assert_allclose(found, values(amh.stream.answer()), rtol=0, atol=ROUNDING)


def test_words_alone_are_answered(amh):
    assert amh.stream.is_empty
    amh.stream.feed(SOUND[:399])
    with pytest.raises(errors.InputError, match="holds nothing for the model"):
        amh.stream.answer()
    amh.stream.feed(text="fine")
    (expected,) = amh.predictor.predict([clip.Clip(text="fine")])
    answer = amh.stream.answer()
    np.testing.assert_allclose(values(answer), values(expected), rtol=0, atol=ROUNDING)
    assert answer.waveform is None and any("no audio" in note for note in answer.notes)


@pytest.mark.parametrize("kind", ["int16", "int32", "float32", "float64"])
def test_samples_may_be_of_any_kind(amh, kind):
    sound = SOUND[:9000]
    scaled = sound.astype(np.int32) << 16 if kind == "int32" else sound / 32768
    amh.stream.feed(sound if kind == "int16" else scaled.astype(kind))
    (expected,) = amh.predict([sound])
    np.testing.assert_allclose(values(amh.stream.answer()), expected, rtol=0, atol=ROUNDING)


def test_streams_of_one_model_do_not_meet(amh):
    others = [stream.Stream(amh.predictor) for _ in range(2)]
    for place in range(0, 16000, 4000):
        others[0].feed(SOUND[place : place + 4000])
        others[1].feed(SOUND[20000 - place : 24000 - place])
    swapped = [SOUND[20000 - place : 24000 - place] for place in range(0, 16000, 4000)]
    expected = amh.predict([SOUND[:16000], np.concatenate(swapped)])
    found = [values(one.answer()) for one in others]
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING)
    assert others[0]._predictor.stepwise is others[1]._predictor.stepwise


def test_refused_piece_changes_nothing(amh):
    amh.stream.feed(SOUND[:8000])
    before = values(amh.stream.answer())
    for problem, piece in {
        r"another sample rate.*Resampler\(44100\)": {"audio": SOUND, "rate": 44100},
        "not numbers": {"audio": np.array([0.0, np.nan], np.float32)},
        "not sound.*dtype": {"audio": SOUND.astype(np.uint8)},
        "not sound.*floats up to 9": {"audio": np.full(5, 9.0)},
        r"not sound.*shape \(2, 3, 4\)": {"audio": np.zeros((2, 3, 4))},
        "not sound.*dtype object": {"audio": [[0.0], [0.0, 0.0]]},
        "`video` does not suit.*object": {"video": [[0.0], [0.0, 0.0]]},
        "not a text": {"audio": SOUND, "text": 3},
        "`video` does not suit": {"audio": SOUND, "video": np.zeros((2, 100))},
        r"`video` does not.*uint8 of shape \(2, 100\)": {
            "text": "fine",
            "video": np.zeros((2, 100), np.uint8),
        },
    }.items():
        with pytest.raises(errors.InputError, match=problem):
            amh.stream.feed(**piece)
    amh.stream.feed(np.zeros(0))
    np.testing.assert_array_equal(values(amh.stream.answer()), before)


def test_what_the_model_does_not_read_is_noted(tmp_path):
    folder = small_runs.write(
        tmp_path / "run", model="rnn_attn", modalities=("audio",), bidirectional=False
    )
    own = prediction.Stream(folder)
    own.feed(SOUND, text="fine")
    assert own.answer().notes == ["No text is read: the model has none."]


def test_text_may_come_as_vectors(tmp_path):
    folder = small_runs.write(tmp_path / "run", **BOTH, text_width=3, num_hops=2)
    one = Opened(folder)
    vectors = np.random.default_rng(7).standard_normal((6, 3)).astype(np.float32)
    for place in range(6):
        one.stream.feed(SOUND[place * 999 : place * 999 + 999], text=vectors[place : place + 1])
    steps = audio.mfcc_with_deltas(SOUND[: 6 * 999] / np.float32(32768)).numpy()
    expected = one.compute(audio=steps, text=vectors)
    answer = one.stream.answer()
    np.testing.assert_allclose(values(answer), expected, rtol=0, atol=ROUNDING)
    assert [len(weights) for _, weights in answer.hops] == [len(steps), 6]
    with pytest.raises(errors.InputError, match=r"`text` does not suit.*\(n, 3\)"):
        one.stream.feed(text="fine")
