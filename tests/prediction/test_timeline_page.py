"""The page of a timeline in a browser: player, mouse, keyboard, phone; no complaint, no network."""

import contextlib
import json
import re

import numpy as np
import pytest
from scipy.io import wavfile

from amh_tf.prediction.timeline import page, player, result
from amh_tf.segments import segment
from tests.extraction import demo
from tools import browser

HOSTILE = '<script>alert("1")</script> <img src=x onerror=alert(2)> </script><!-- & \u2028'
FILM = str(demo.KEPT / "Session1/dialog/avi/DivX/Ses01F_impro01.avi")
CLASSES = ("angry", "happy", "sad", "<b>neu</b>")
needs_browser = pytest.mark.skipif(
    not browser.is_here(), reason="Chromium or Playwright is missing"
)


def hop(rng, modality, count, end=0.0):
    weights = rng.dirichlet(np.ones(count)).astype(np.float32)
    return result.Hop(modality, 0.0, end, weights, 1 / count)


def timeline(count=12, seconds=12.0, **changes):
    rng = np.random.default_rng(4)
    entries = []
    for number, start in enumerate(np.linspace(0, seconds - 1, count).round(3).tolist()):
        words = ["Where", "are", "you", HOSTILE]
        spoken = segment.Segment(
            start, start + 0.9, ("Ann", HOSTILE)[number % 2], f"{number} {' '.join(words)}"
        )
        shares = dict(zip(CLASSES, rng.dirichlet(np.ones(len(CLASSES))).tolist()))
        hops = [hop(rng, "video", 3, 1.0), hop(rng, "audio", 88, 0.9), hop(rng, "text", 4)]
        known = [True, True, False, True]
        entries.append(result.Entry(spoken, shares, words, known, hops))
    problem = result.unanswered(segment.Segment(seconds - 0.5, seconds, "Ann"), HOSTILE)
    fields = {
        "recording": HOSTILE,
        "video": None,
        "audio": None,
        "seconds": seconds,
        "peaks": rng.integers(0, 255, int(seconds * 50)).astype(np.uint8),
        "data": HOSTILE,
        "synthetic": True,
        "model": "AMH-3 (A+T+V)",
        "classes": CLASSES,
        "entries": [*entries, problem],
        "notes": [HOSTILE],
    }
    return result.Timeline(**{**fields, **changes})


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "talk.wav"
    samples = np.random.default_rng(1).integers(-3000, 3000, 16000 * 12).astype(np.int16)
    wavfile.write(path, 16000, samples)
    return path


def test_nothing_leaves_its_place():
    text = page.page(timeline(), player.Player("", False, ("note",)))
    assert HOSTILE not in text and text.count("<script") == 2 and "<img" not in text
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    stored = json.loads(data)
    assert stored["speakers"] == ["Ann", HOSTILE] and stored["classes"][3]["name"] == CLASSES[3]
    assert len(stored["segments"]) == 13 and stored["segments"][0]["next"] == 2
    assert "default-src 'none'" in text and not re.search(r'(src|href)="(?!data:)', text)


def test_small_recordings_are_inside_and_large_ones_beside(sound, tmp_path, monkeypatch):
    output = tmp_path / "out" / "talk.html"
    output.parent.mkdir()
    shown = timeline(audio=str(sound))
    assert player.of(shown, output, "auto").source.startswith("data:audio/wav;base64,UklGR")
    monkeypatch.setattr(player, "MOST_BYTES", 1000)
    for choice in ("auto", "link"):
        beside = player.of(shown, output, choice)
        assert (
            output.parent / beside.source
        ).resolve() == sound and "keep it there" in beside.notes[0]
    assert player.of(shown, output, "none") == player.Player("", False)


@pytest.mark.slow
def test_film_that_no_browser_plays_is_copied(tmp_path, monkeypatch):
    av = pytest.importorskip("av")
    from amh_tf.features import decoding, video

    shown, output = timeline(video=FILM, audio=FILM), tmp_path / "talk.html"
    inside = player.of(shown, output, "auto")
    assert inside.source.startswith("data:video/mp4;base64,") and inside.shows
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(player, "MOST_BYTES", 1000)
    beside = player.of(shown, output, "auto")
    copy = tmp_path / "talk.media.mp4"
    assert beside.source == copy.name and list(tmp_path.iterdir()) == [copy]
    with av.open(str(copy)) as container:
        names = [stream.codec_context.name for stream in container.streams]
        assert names == ["h264", "aac"]
    # Sound and pictures are where they were.
    heard, expected = decoding.load_audio(str(copy)), decoding.load_audio(FILM)
    size = min(len(heard), len(expected))
    assert abs(len(heard) - len(expected)) < 3200
    shift = np.argmax(
        np.correlate(heard[2000 : size - 2000], expected[4000 : size - 4000], "valid")
    )
    assert abs(shift - 2000) < 160
    spans = [(0.5, 1.5, "whole")]
    ((_, ours),), ((_, theirs),) = (list(video.frames_of(str(p), spans, 64)) for p in (copy, FILM))
    assert np.abs(ours.astype(int) - theirs).mean() < 8


@contextlib.contextmanager
def opened(path, **settings):
    """Opens a page; yields it, and checks that it complained of nothing and asked for nothing."""
    address = path.resolve().as_uri()
    with browser.opened(address, **settings) as (shown, seen):
        yield shown
        assert seen.complaints == [] and seen.requests == [address]


@pytest.fixture
def talk(sound, tmp_path):
    """A page with its recording inside."""
    timeline(audio=str(sound)).write(tmp_path / "talk.html")
    return tmp_path / "talk.html"


def place_of(shown, number):
    """Returns where the middle of a segment is drawn, in the window."""
    return shown.evaluate(f"""(() => {{
      window.scrollTo(0, 0);
      const data = JSON.parse(document.getElementById("data").textContent);
      const canvas = document.getElementById("canvas"), box = canvas.getBoundingClientRect();
      const segment = data.segments[{number}];
      const x = (segment.from + segment.to) / 2 / data.seconds * box.width;
      const lane = NAME + BAND + WORDS + 4 + 76 + GAP;
      return [box.left + x, box.top + AXIS + WAVE + GAP + segment.lane * lane + NAME + BAND / 2];
    }})()""")


@pytest.mark.slow
@needs_browser
def test_mouse_and_keyboard_choose_and_play(talk):
    text = "document.getElementById('detail').textContent"
    paused = "document.getElementById('media').paused"
    with opened(talk, viewport={"width": 1200, "height": 900}) as shown:
        browser.until(shown, "document.getElementById('media').readyState >= 3")
        assert "0 Where are you" in shown.evaluate(text)
        assert shown.locator("#detail .hop").count() == 3
        assert shown.locator("#detail .chips span").count() == 4
        assert shown.locator("#detail dl div").count() == len(CLASSES)

        shown.mouse.move(*place_of(shown, 5))  # under the cursor
        assert "5 Where are you" in shown.evaluate(text)
        shown.mouse.move(5, 5)
        assert "0 Where are you" in shown.evaluate(text)

        shown.mouse.click(*place_of(shown, 4))
        browser.until(shown, f"!{paused}")
        time = "document.getElementById('media').currentTime"
        data = "JSON.parse(document.getElementById('data').textContent)"
        start = shown.evaluate(f"{data}.segments[4].from")
        browser.until(shown, f"{time} > {start}")
        browser.until(shown, paused)  # at the segment's end
        assert start + 0.8 < shown.evaluate(time) < start + 1.4
        assert shown.evaluate("location.hash") == "#5"
        chosen = "document.querySelector('#segments .chosen').id"
        assert shown.evaluate(chosen) == "segment-5"

        shown.focus("#lanes")
        shown.keyboard.press("ArrowRight")
        assert "6 Where are you" in shown.evaluate(text)  # the speaker's next
        shown.keyboard.press("ArrowDown")
        assert shown.evaluate(chosen) in ("segment-6", "segment-8")
        for key in ("ArrowUp", "ArrowLeft", "Enter"):
            shown.keyboard.press(key)
        browser.until(shown, f"!{paused}")
        browser.until(shown, paused)
        for key in "+-0":
            shown.keyboard.press(key)
        assert shown.locator("#segments li").count() == 13
        shown.evaluate("document.querySelector('#segment-13 button').click()")
        assert "onerror" in shown.evaluate(text)  # the problem, as a text


@pytest.mark.slow
@needs_browser
def test_page_fits_a_phone(talk):
    with opened(talk, is_mobile=True) as shown:
        for width in (390, 320, 1200):
            shown.set_viewport_size({"width": width, "height": 800})
            browser.until(shown, f"document.getElementById('canvas').clientWidth < {width}")
            assert shown.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
@needs_browser
def test_thousands_of_segments_stay_usable(tmp_path):
    many = timeline(count=5000, seconds=10800.0)
    many.write(tmp_path / "talk.html", media="none")
    assert (tmp_path / "talk.html").stat().st_size < 12e6
    with opened(tmp_path / "talk.html") as shown:
        milliseconds = shown.evaluate("""(() => {
          document.getElementById("all").click();
          const start = performance.now(), lanes = document.getElementById("lanes");
          for (let count = 0; count < 10; count++)
            lanes.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
          return (performance.now() - start) / 10;
        })()""")
        assert milliseconds < 400  # a fraction of it on an idle machine
        assert "20 Where" in shown.inner_text("#detail")


@pytest.mark.slow
@needs_browser
def test_recording_that_is_missing_is_told(sound, tmp_path, monkeypatch):
    monkeypatch.setattr(player, "MOST_BYTES", 1000)
    path = tmp_path / "talk.html"
    timeline(audio=str(sound)).write(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("talk.wav", "gone.wav"), encoding="utf-8")
    with browser.opened(path.resolve().as_uri()) as (shown, _):
        shown.wait_for_selector("#unplayable", state="visible")
        assert "0 Where are you" in shown.inner_text("#detail")


@pytest.mark.slow
@needs_browser
def test_browser_test_sees_complaints_and_requests(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        "<!DOCTYPE html><title>x</title><img src=nothing.png><script>undefined_name()</script>"
    )
    with browser.opened(page.resolve().as_uri()) as (_, seen):
        assert any("undefined_name" in text for text in seen.complaints)
        assert any(url.endswith("nothing.png") for url in seen.requests)
