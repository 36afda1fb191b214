"""The live page in a browser: it answers as Python does, and asks nobody else."""

import contextlib
import functools
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import signal
from scipy.io import wavfile

from amh_tf import errors
from amh_tf.deploy import web_page, web_runtime
from amh_tf.features import samples, text
from amh_tf.prediction import clip, predictor
from amh_tf.runs import trained
from tests.deploy import conftest as shared
from tests.features import test_text
from tools import live_browser

pytest.importorskip("playwright", reason="Playwright is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(live_browser.PROGRAM is None, reason="Chromium is not installed"),
]

RATE = 16000
TOLERANCE = 1e-4
WORDS = "I told you NOT to call 1,000 times, didn't I?"
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
RAVDESS = Path(__file__).parents[2] / "export" / "models" / "ravdess"
# What each way through the page's code is tried with: frames that are encoded once, of a GRU and,
# averaged, of an LSTM; the whole model anew, standardized by the window; and a model without hops.
RUNS = {
    "lstm": {"cell": "lstm", "audio_stride": 4, "standardize": "global", "modalities": "at"},
    "speaker": {"standardize": "speaker", "bidirectional": True},
    "mdre": {"model": "mdre", "modalities": "at", "num_hops": None},
    "words": {"model": "rnn_attn", "modalities": "t", "num_hops": None},
}


@pytest.fixture(scope="session")
def runtime():
    try:
        return web_runtime.read()
    except errors.InputError as error:
        pytest.skip(str(error))


def speech(seconds, seed=0):
    """Sound that is nobody's voice: pulses at a wandering pitch, swelling, in noise."""
    rng = np.random.default_rng(seed)
    time_axis = np.arange(int(seconds * RATE)) / RATE
    pitch = 160 + 60 * np.sin(2 * np.pi * (0.3 + 0.1 * seed) * time_axis)
    pulses = np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0)
    voice = signal.lfilter([1], [1, -1.7 * np.cos(0.3), 0.72], pulses)
    voice *= 0.3 + 0.7 * np.abs(np.sin(2 * np.pi * 0.7 * time_axis))
    sound = voice / np.abs(voice).max() * 0.6 + rng.normal(0, 0.005, len(time_axis))
    return np.round(sound * 32767).astype(np.int16)


def write_sound(path, seconds, rate=RATE, seed=0):
    sound = speech(seconds, seed).astype(np.float64)
    if rate != RATE:
        sound = signal.resample_poly(sound, rate, RATE)
    wavfile.write(path, rate, sound.astype(np.int16))
    return path


@pytest.fixture(scope="session")
def save(runtime, tmp_path_factory):
    """Writes the page of a run, once."""
    pages = {}

    def saved(run_dir):
        if run_dir not in pages:
            pages[run_dir] = tmp_path_factory.mktemp("pages") / "web"
            pages[run_dir].mkdir()
            web_page.save(trained.read(run_dir), pages[run_dir], runtime, "card", run_dir)
        return pages[run_dir]

    return saved


@contextlib.contextmanager
def opened(folder, *options, until="ready", before=None, **settings):
    """Opens a page; yields it, and checks that it complained of nothing and asked nobody else."""
    with (
        live_browser.serving(folder) as (url, requests),
        live_browser.chromium(*options) as (chrome, outside),
    ):
        context = chrome.new_context(accept_downloads=True, **settings)
        page = context.new_page()
        messages = []
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        asked = []
        context.on("request", lambda request: asked.append(request.url))
        if before:
            page.add_init_script(before)
        page.goto(url)
        page.set_default_timeout(60_000)
        if until == "ready":
            page.wait_for_selector("html[data-state=ready]")
        else:
            page.wait_for_selector(until)
        yield page
        assert messages == []
        assert outside == []
        assert all(address.startswith((url, "blob:")) for address in asked)
        assert all(code in (200, 304) for _, code in requests), requests


def shares(page):
    """Returns the probabilities that the page shows, all digits of them."""
    bars = page.query_selector_all("#classes li")
    return np.array([float(bar.get_attribute("data-share")) for bar in bars])


def wait(page, selector, text):
    """Waits until an element's text holds a pattern; the page lets no such code be evaluated."""
    page.locator(selector).filter(has_text=re.compile(text)).wait_for()


def open_file(page, path):
    page.set_input_files("#file", path)
    wait(page, "#status", r"^Read ")


def heard(page):
    """Returns the sound that the page has heard, as it hands it out."""
    with page.expect_download() as download:
        page.click("#save")
    rate, sound = wavfile.read(download.value.path())
    assert rate == RATE and sound.dtype == np.float32
    return sound


read = functools.cache(predictor.Predictor)


def predicted(run_dir, sound, words=""):
    """Returns what Python answers, a `clip.Prediction`."""
    clipped = clip.Clip(audio=samples.Samples(sound, RATE) if len(sound) else "", text=words)
    (answer,) = read(run_dir).predict([clipped])
    return answer


def expected(run_dir, sound, words=""):
    """Returns Python's probabilities."""
    return np.array(list(predicted(run_dir, sound, words).probabilities.values()))


def test_answers_are_those_of_python(save, run_dir, tmp_path):
    with opened(save(run_dir)) as page:
        open_file(page, write_sound(tmp_path / "a.wav", 3.3))
        sound = heard(page)
        assert len(sound) == round(3.3 * RATE)
        np.testing.assert_allclose(shares(page), expected(run_dir, sound), atol=TOLERANCE)
        page.fill("#words", WORDS)
        wait(page, "#when", f"{len(text.words(WORDS))} words")
        with_words = expected(run_dir, sound, WORDS)
        np.testing.assert_allclose(shares(page), with_words, atol=TOLERANCE)
        assert np.abs(with_words - expected(run_dir, sound)).max() > 10 * TOLERANCE


def test_every_moment_and_window_is_that_of_python(save, run_dir, tmp_path):
    """The page is asked at moments before the end, and in windows after the first."""
    with opened(save(run_dir)) as page:
        open_file(page, write_sound(tmp_path / "a.wav", 17.2, seed=2))
        sound = heard(page)
        page.focus("#curve")
        page.keyboard.press("Home")
        for steps, (first, last) in (
            (2, (0, 1.5)),
            (11, (0, 7.0)),
            (4, (7.5, 9.0)),
            (17, (15, 17.2)),
        ):
            for _ in range(steps):
                page.keyboard.press("ArrowRight")
            page.wait_for_timeout(200)
            part = sound[int(first * RATE) : int(last * RATE)]
            np.testing.assert_allclose(shares(page), expected(run_dir, part), atol=TOLERANCE)


@pytest.mark.parametrize("name", RUNS)
def test_models_answer_as_in_python(save, declared_data, tmp_path, name):
    changes = dict(RUNS[name])
    letters = changes.pop("modalities", "atv")
    names = {"a": "audio", "t": "text", "v": "video"}
    settings = {"num_hops": 3, **changes, "modalities": tuple(names[c] for c in letters)}
    run_dir = shared.train(declared_data, tmp_path / "run", **settings)
    with opened(save(run_dir)) as page:
        sound = np.zeros(0, np.float32)
        if "a" in letters:
            open_file(page, write_sound(tmp_path / "a.wav", 5.1, seed=3))
            sound = heard(page)
        page.fill("#words", WORDS)
        wait(page, "#when", f"{len(text.words(WORDS))} words")
        np.testing.assert_allclose(shares(page), expected(run_dir, sound, WORDS), atol=TOLERANCE)


@pytest.mark.parametrize("rate", [RATE, 44100, 48000])
def test_included_model_answers_as_in_python(save, tmp_path, rate):
    silence = np.zeros(RATE // 2, np.int16)
    path = write_sound(tmp_path / "a.wav", 4.0, rate, seed=4)
    _, sound = wavfile.read(path)
    wavfile.write(path, rate, np.concatenate([silence, sound, silence]))
    with opened(save(RAVDESS)) as page:
        open_file(page, path)
        sound = heard(page)
        assert abs(len(sound) - (4 * RATE + 2 * len(silence) * RATE // rate)) <= 2
        np.testing.assert_allclose(shares(page), expected(RAVDESS, sound), atol=TOLERANCE)


def test_microphone_is_listened_to(save, run_dir, tmp_path):
    path = write_sound(tmp_path / "voice.wav", 20, 48000, seed=5)
    options = (*MICROPHONE, f"--use-file-for-fake-audio-capture={path}%noloop")
    with opened(save(run_dir), *options, permissions=["microphone"]) as page:
        page.keyboard.press("Tab")
        page.focus("#start")
        page.keyboard.press("Enter")
        wait(page, "#when", r"to 9\.")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("Space")
        wait(page, "#status", "^Paused")
        page.wait_for_timeout(2000)
        sound = heard(page)
        # The answer is of the second window.
        np.testing.assert_allclose(
            shares(page), expected(run_dir, sound[round(7.5 * RATE) :]), atol=TOLERANCE
        )
        (seconds,) = re.findall(r"takes ([\d.]+) s for each", page.inner_text("#speed"))
        assert 0 < float(seconds) < 1, "it cannot keep up with the sound"
        # Nothing is heard in the pause, and what comes after it is another window.
        assert abs(len(heard(page)) - len(sound)) == 0
        page.click("#pause")
        page.wait_for_timeout(2000)
        page.click("#start")
        page.wait_for_timeout(1000)
        later = heard(page)[len(sound) :]
        assert len(later) > RATE
        np.testing.assert_allclose(shares(page), expected(run_dir, later), atol=TOLERANCE)
        assert np.abs(later).max() > 0.05


def test_refused_microphone_is_explained(save, run_dir):
    # There is one, but nobody allows it.
    with opened(save(run_dir), MICROPHONE[0]) as page:
        page.click("#start")
        page.wait_for_selector("#problem:not([hidden])")
        message = page.inner_text("#problem")
        assert "microphone was refused" in message and "A sound file works" in message
        assert page.inner_text("#start") == "Start the microphone"


def without_simd():
    """A browser that lacks SIMD alone: what holds its operations is not valid to it."""
    return (
        "const { validate } = WebAssembly; WebAssembly.validate = "
        "(code) => !new Uint8Array(code).includes(253) && validate(code);"
    )


@pytest.mark.parametrize(
    ("lacking", "message"),
    [(without_simd(), "has no SIMD"), ("delete globalThis.WebAssembly", "no WebAssembly.")],
)
def test_browser_that_cannot_run_the_model_is_told(save, run_dir, lacking, message):
    with opened(save(run_dir), until="#problem:not([hidden])", before=lacking) as page:
        assert message in page.inner_text("#problem") and "Safari 16.4" in page.inner_text(
            "#problem"
        )
        assert page.is_disabled("#start") and page.is_disabled("#file")


def test_words_are_tinted_by_the_hop_that_is_chosen(save, run_dir, tmp_path):
    with opened(save(run_dir)) as page:
        open_file(page, write_sound(tmp_path / "a.wav", 2.0))
        page.fill("#words", WORDS)
        wait(page, "#when", f"{len(text.words(WORDS))} words")
        page.get_by_text("3: words").click()
        page.wait_for_timeout(500)
        tints = [
            float(word.evaluate("word => word.style.getPropertyValue('--weight')"))
            for word in page.query_selector_all("#read span")
        ]
        _, _, (target, weights) = predicted(run_dir, heard(page), WORDS).hops
        assert target == "text" and np.ptp(weights / weights.max()) > 0.05
        np.testing.assert_allclose(tints, weights / weights.max(), atol=1e-3)


def test_answers_follow_the_player(save, run_dir, tmp_path):
    with opened(save(run_dir)) as page:
        open_file(page, write_sound(tmp_path / "a.wav", 3.0))
        for second, moment in ((1.2, "to 1.5 s"), (2.2, "to 2.5 s")):
            page.evaluate(f"document.querySelector('#player').currentTime = {second}")
            wait(page, "#when", moment)


def test_what_a_page_asks_of_others_is_noticed(tmp_path):
    """The proxy of these tests sees what a page without a policy sends."""
    (tmp_path / "index.html").write_text("<script>fetch('http://elsewhere.test/x')</script>")
    with live_browser.serving(tmp_path) as (url, _), live_browser.chromium() as (chrome, outside):
        page = chrome.new_page()
        page.goto(url)
        page.wait_for_timeout(1000)
        assert outside == ["http://elsewhere.test/x"]


def test_slow_processor_leaves_answers_out_and_no_sound(save, run_dir):
    """Sound comes ten times as fast as a stand-in for the model answers."""
    with opened(save(run_dir)) as page:
        counts, rows = page.evaluate(
            """async () => {
                const { Listener } = await import("./listener.js");
                const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
                const frames = { extend: async (samples) => (frames.heard = samples.length) };
                const model = {
                    settings: { audio: { rate: 16000, window: 120000 } },
                    frames: () => frames,
                    answer: () => sleep(100).then(() => ({})),
                };
                const counts = [];
                const listener = new Listener(model, ({ count }) => counts.push(count));
                for (let piece = 0; piece < 15; piece++) {
                    listener.hear(1, new Float32Array(8000), true);
                    await sleep(10);
                }
                await sleep(1000);
                return [counts, frames.heard];
            }"""
        )
        assert len(counts) < 12 and counts[-1] == rows == 120_000
        assert counts == sorted(set(counts)) and all(count % 8000 == 0 for count in counts)


def test_only_ten_minutes_are_kept(save, run_dir):
    with opened(save(run_dir)) as page:
        windows, first, parts = page.evaluate(
            """async () => {
                const { Recording } = await import("./recording.js");
                const recording = new Recording(120000);
                const parts = recording.add(new Float32Array(130000)).map((part) => part[1].length);
                for (let second = 0; second < 700; second++) recording.add(new Float32Array(16000));
                return [recording.windows.length, recording.windows[0].id, parts];
            }"""
        )
        assert parts == [120_000, 10_000]
        assert windows == 80 and first == -(-(130_000 + 700 * RATE) // 120_000) - 80


def test_files_without_sound_are_explained(save, run_dir, tmp_path):
    (tmp_path / "text.wav").write_text("not sound")
    wavfile.write(tmp_path / "short.wav", RATE, np.zeros(300, np.int16))
    with opened(save(run_dir)) as page:
        for name, message in (("text.wav", "no sound that this browser"), ("short.wav", "25 ms")):
            page.set_input_files("#file", tmp_path / name)
            wait(page, "#problem", f"^{name}")
            assert message in page.inner_text("#problem")
        # The next one is read as if nothing had happened.
        open_file(page, write_sound(tmp_path / "a.wav", 1.0))
        assert page.is_hidden("#problem") and len(shares(page)) == 7


def test_nothing_can_be_sent_elsewhere(save, run_dir, tmp_path):
    """Neither by the page nor by its worker, even to a server that would answer."""
    with live_browser.serving(tmp_path) as (other, requests), opened_loosely(save(run_dir)) as page:
        attempt = "url => fetch(url, {mode: 'no-cors'}).then(() => 'sent', () => 'refused')"
        (worker,) = page.workers
        assert page.evaluate(attempt, other) == worker.evaluate(attempt, other) == "refused"
        assert requests == []


@contextlib.contextmanager
def opened_loosely(folder):
    """As `opened`, for tests that make the page complain."""
    with live_browser.serving(folder) as (url, _), live_browser.chromium() as (chrome, _):
        page = chrome.new_page()
        page.goto(url)
        page.wait_for_selector("html[data-state=ready]", timeout=120_000)
        yield page


def test_words_are_cut_as_in_python(save, run_dir):
    draw = random.Random(0)
    sentences = [WORDS, "\u039f\u0394\u03a5\u03a3 \u0130stanbul", "a\x00b"]
    sentences += [written for written, _ in (*test_text.ORACLE["texts"], *test_text.UNSPACED)]
    for pieces in (test_text.PIECES, [*test_text.PIECES, *test_text.MIXED]):
        sentences += ["".join(draw.choices(pieces, k=draw.randint(1, 12))) for _ in range(1000)]
    with opened(save(run_dir)) as page:
        for unspaced in (text.SPACES, text.CHARACTERS):
            settings = {"rules": text.rules(unspaced), "most": 10_000, "unknown": []}
            cut = page.evaluate(
                """async ([settings, sentences]) => {
                    const { Words } = await import("./words.js");
                    const words = new Words(settings, "");
                    return sentences.map((sentence) => words.cut(sentence));
                }""",
                [json.loads(json.dumps(settings)), sentences],
            )
            assert cut == [text.words(sentence, unspaced) for sentence in sentences]


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_resampler_is_that_of_python(save, run_dir, rate):
    sound = np.random.default_rng(0).normal(size=rate).astype(np.float32)
    with opened(save(run_dir)) as page:
        resampled = page.evaluate(
            """async ([sound, rate]) => {
                const { Resampler } = await import("./resample.js");
                const resampler = new Resampler(rate, 16000);
                const out = [];
                let size = 1;
                for (let at = 0; at < sound.length; at += size, size = 1 + ((size * 7) % 1999)) {
                    out.push(...resampler.push(Float32Array.from(sound.slice(at, at + size))));
                }
                return out;
            }""",
            [sound.tolist(), rate],
        )
    whole = signal.resample_poly(sound.astype(np.float64), RATE, rate)
    assert len(whole) - 20 <= len(resampled) <= len(whole)
    np.testing.assert_allclose(resampled, whole[: len(resampled)], atol=1e-5)


@pytest.mark.parametrize("width", [390, 1280])
def test_page_fits_its_width_and_is_reached_by_keys(save, run_dir, width):
    with opened(save(run_dir), viewport={"width": width, "height": 844}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.focus("#start")
        seen = [page.evaluate("document.activeElement.id")]
        for _ in range(6):
            page.keyboard.press("Tab")
            seen.append(page.evaluate("document.activeElement.id || document.activeElement.name"))
            outlines = page.evaluate(
                "[document.activeElement, document.activeElement.closest('label')]"
                ".map((one) => one && getComputedStyle(one).outlineStyle)"
            )
            assert "solid" in outlines, seen
        assert seen[0] == "start" and {"file", "words", "curve", "hop"} <= set(seen)
