"""The live page in a browser: keys, faults, what is sent, and parts of its code by themselves."""

import json
import random

import numpy as np
import pytest
from scipy import signal
from scipy.io import wavfile

from amh_tf.features import text
from tests.deploy import live_pages
from tests.features import test_text
from tools import browser

pytestmark = live_pages.MARKS


def test_refused_microphone_is_explained(save, run_dir):
    # There is one, but nobody allows it.
    with live_pages.opened(save(run_dir), live_pages.MICROPHONE[0]) as page:
        page.click("#start")
        page.wait_for_selector("#problem:not([hidden])")
        message = page.inner_text("#problem")
        assert "microphone was refused" in message and "A sound file works" in message
        assert page.inner_text("#start") == "Start the microphone"


def test_browser_without_an_output_of_sound_is_told(save, run_dir):
    never = "AudioContext.prototype.resume = () => new Promise(() => {})"
    with live_pages.opened(save(run_dir), *live_pages.MICROPHONE, script=never) as page:
        page.click("#start")
        page.wait_for_selector("#problem:not([hidden])")
        assert "connect loudspeakers or headphones" in page.inner_text("#problem")
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
    with live_pages.opened(save(run_dir), until="#problem:not([hidden])", script=lacking) as page:
        assert message in page.inner_text("#problem") and "Safari 16.4" in page.inner_text(
            "#problem"
        )
        assert page.is_disabled("#start") and page.is_disabled("#file")


def test_answers_follow_the_player(save, run_dir, tmp_path):
    with live_pages.opened(save(run_dir)) as page:
        live_pages.open_file(page, live_pages.write_sound(tmp_path / "a.wav", 3.0))
        for second, moment in ((1.2, "to 1.5 s"), (2.2, "to 2.5 s")):
            page.evaluate(f"document.querySelector('#player').currentTime = {second}")
            live_pages.wait(page, "#when", moment)


def test_what_a_page_asks_of_others_is_noticed(tmp_path):
    """The proxy of these tests sees what a page without a policy sends."""
    (tmp_path / "index.html").write_text("<script>fetch('http://elsewhere.test/x')</script>")
    with browser.serving(tmp_path) as (url, _), browser.opened(url) as (page, seen):
        page.wait_for_timeout(1000)
        assert seen.outside == ["http://elsewhere.test/x"]


def test_slow_processor_leaves_answers_out_and_no_sound(save, run_dir):
    """Sound comes ten times as fast as a stand-in for the model answers."""
    with live_pages.opened(save(run_dir)) as page:
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
    with live_pages.opened(save(run_dir)) as page:
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
        assert windows == 80 and first == -(-(130_000 + 700 * live_pages.RATE) // 120_000) - 80


def test_files_without_sound_are_explained(save, run_dir, tmp_path):
    (tmp_path / "text.wav").write_text("not sound")
    wavfile.write(tmp_path / "short.wav", live_pages.RATE, np.zeros(300, np.int16))
    with live_pages.opened(save(run_dir)) as page:
        for name, message in (("text.wav", "no sound that this browser"), ("short.wav", "25 ms")):
            page.set_input_files("#file", tmp_path / name)
            live_pages.wait(page, "#problem", f"^{name}")
            assert message in page.inner_text("#problem")
        # The next one is read as if nothing had happened.
        live_pages.open_file(page, live_pages.write_sound(tmp_path / "a.wav", 1.0))
        assert page.is_hidden("#problem") and len(live_pages.shares(page)) == 7


def test_nothing_can_be_sent_elsewhere(save, run_dir, tmp_path):
    """Neither by the page nor by its worker, even to a server that would answer."""
    with (
        browser.serving(tmp_path) as (other, requests),
        live_pages.opened_loosely(save(run_dir)) as page,
    ):
        attempt = "url => fetch(url, {mode: 'no-cors'}).then(() => 'sent', () => 'refused')"
        (worker,) = page.workers
        assert page.evaluate(attempt, other) == worker.evaluate(attempt, other) == "refused"
        assert requests == []


def test_words_are_cut_as_in_python(save, run_dir):
    draw = random.Random(0)
    sentences = [live_pages.WORDS, "\u039f\u0394\u03a5\u03a3 \u0130stanbul", "a\x00b"]
    sentences += [written for written, _ in (*test_text.ORACLE["texts"], *test_text.UNSPACED)]
    for pieces in (test_text.PIECES, [*test_text.PIECES, *test_text.MIXED]):
        sentences += ["".join(draw.choices(pieces, k=draw.randint(1, 12))) for _ in range(1000)]
    with live_pages.opened(save(run_dir)) as page:
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
    with live_pages.opened(save(run_dir)) as page:
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
    whole = signal.resample_poly(sound.astype(np.float64), live_pages.RATE, rate)
    assert len(whole) - 20 <= len(resampled) <= len(whole)
    np.testing.assert_allclose(resampled, whole[: len(resampled)], atol=1e-5)


@pytest.mark.parametrize("width", [390, 1280])
def test_page_fits_its_width_and_is_reached_by_keys(save, run_dir, width):
    with live_pages.opened(save(run_dir), viewport={"width": width, "height": 844}) as page:
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
