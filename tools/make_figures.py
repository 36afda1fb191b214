"""Draws the pictures and fills the tables of README and docs that need no data of a user's:

python -m tools.make_figures --work_dir=DIR --figures=attention
python -m tools.make_figures --work_dir=DIR

All of it is synthetic. Data, runs and reports stay in DIR, so that the command can be stopped and
given again, and only draws where everything is done. Give a new version a new DIR. `speed.png` and
docs/speed.md are made by tools/benchmark.py, on an idle machine.
"""

import contextlib
import json
import re
import shutil
import time
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
from absl import flags

from amh_tf import errors, files, progress
from amh_tf.commands import flag_kit
from amh_tf.reporting import formats, gather, pair_tables
from amh_tf.scores import published, resampling, significance
from tools import browser, shared

FLAGS = flags.FLAGS
DOCS = shared.ROOT / "docs"

# README's own walk-through. The speakers of the clip's session are in no training part.
CORPUS = ["--utterances=300"]
TRAIN = ["--hops=3", "--protocol=session", "--batch_size=16", "--max_steps=400"]
WORDS = "They've asked me to sign this form again."
CLIP = ["--side=left", "--start=17.6", "--end=20.2", f"--text={WORDS}"]
DIALOG, NAME = "Session1/dialog", "Ses01F_impro06"
FILM = f"{DIALOG}/avi/DivX/{NAME}.avi"
SEGMENT, TIMELINE_SIZE = 7, (1280, 1040)
PAUSE = 2.0  # seconds
# Of the demo corpus that the tests keep; a synthesizer's.
VOICE = "tests/demo_corpus/Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav"

BASELINES = (
    *("rnn_attn_a", "rnn_attn_t", "rnn_attn_v"),
    *("mdre_at", "mdre_tv", "mdre_av", "mdre_atv"),
    *("mha_at", "mha_tv", "mha_av", "amh_3", "amh_7"),
)
COMPARED = "AMH-3 (A+T+V)"
LIVE_SIZE = (1180, 1010)
PAGE_SIZE = (1300, 1130)  # of the picture of the report's beginning


def put_table(page, name, table):
    """Replaces the table between a page's marks `<!-- NAME -->` and `<!-- /NAME -->`.

    Args:
        page: Path of a Markdown file.
        name: Name of the table.
        table: Its text.

    Raises:
        InputError: If the page has no such marks.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", flags=re.DOTALL)
    if not pattern.search(text):
        raise errors.refusal(
            "The table has no place",
            f"the lines {begin} and {end}",
            f"{page} without them",
            "Add them where the table belongs.",
        )
    replacement = f"{begin}\n\n{table.strip()}\n\n{end}"
    files.write_text(page, pattern.sub(lambda _: replacement, text))


def _attention(work):
    corpus, shards, run = work / "spoken", work / "spoken_shards", work / "spoken_run"
    if not corpus.is_dir():
        shared.run("-m", "tools.make_demo_corpus", f"--output_dir={corpus}", *CORPUS)
    prepare = ["--source=iemocap", f"--source_dir={corpus}", "--resnet_weights=random"]
    shared.run("-m", "amh_tf.prepare", *prepare, f"--output_dir={shards}")
    shared.run("-m", "amh_tf.train", f"--data_dir={shards}", f"--run_dir={run}", *TRAIN)
    picture = DOCS / "attention.png"
    clip = [f"--video={corpus / FILM}", *CLIP]
    shared.run("-m", "amh_tf.predict", f"--run_dir={run}", *clip, f"--attention={picture}")


def _timeline(work):
    """Photographs a dialog's timeline, by the run of `_attention`, which has not heard it."""
    run, dialog = work / "spoken_run", work / "spoken" / DIALOG
    if not (run / "model.keras").exists():
        _attention(work)
    page = work / "timeline.html"
    recording = [f"--video={dialog}/avi/DivX/{NAME}.avi"]
    segments = [f"--segments={dialog}/transcriptions/{NAME}.txt"]
    flags_of_page = [*recording, *segments, f"--output={page}"]
    shared.run("-m", "amh_tf.timeline", f"--run_dir={run}", *flags_of_page)
    address = f"{page.resolve().as_uri()}#{SEGMENT}"
    with _photographed(address, DOCS / "timeline.png", TIMELINE_SIZE) as shown:
        browser.until(shown, "[...document.querySelectorAll('video')].every(v => v.readyState > 2)")
        browser.until(shown, "[...document.querySelectorAll('video')].every(v => !v.seeking)")
        time.sleep(PAUSE)  # until the player no longer shows that it is waiting


def _live(work):
    run, export = shared.ROOT / "export/models/ravdess", work / "live"
    shared.run("-m", "amh_tf.export", f"--run_dir={run}", f"--output_dir={export}", "--web")
    with (
        browser.serving(export / "web") as (address, _),
        _photographed(address, DOCS / "live.png", LIVE_SIZE) as shown,
    ):
        shown.wait_for_selector("html[data-state=ready]")
        shown.set_input_files("#file", shared.ROOT / VOICE)
        shown.locator("#status").filter(has_text=re.compile("^Read ")).wait_for()
        shown.evaluate("document.activeElement.blur()")


def _planted_set(work):
    shards = work / "planted"
    shared.run("-m", "amh_tf.prepare", "--source=planted", f"--output_dir={shards}")
    return f"--data_dir={shards}"


def _planted(work):
    runs = work / "hops"
    shared.run("-m", "tools.benchmark_planted", _planted_set(work), f"--output_dir={runs}")
    shutil.copyfile(runs / "hops_7-seed_1/confusion_matrix.png", DOCS / "confusion_matrix.png")
    put_table(DOCS / "baselines.md", "hops", (runs / "results.md").read_text(encoding="utf-8"))


def _score(score):
    return formats.cell_text(resampling.Interval(score["value"], *score["interval_95"]))


def _baseline_row(folder):
    """Returns a model's name and scores, of its cross-validation of a single fold."""
    summary = json.loads((folder / "crossval.json").read_text(encoding="utf-8"))
    pooled = summary["pooled"]
    others = ("unweighted_accuracy", "weighted_precision", "macro_precision")
    shares = [formats.cell_text(published.Share(pooled[name]["value"])) for name in others]
    return [summary["title"], _score(pooled["weighted_accuracy"]), *shares]


def pair_rows(pairs):
    """Returns `COMPARED` against each other model, from the rows of the paired tests."""
    rows = []
    for first, second, accuracy, _, alone, other_alone, _, p_value, _ in pairs:
        if second == COMPARED:
            first, second, alone, other_alone = second, first, other_alone, alone
            accuracy = significance.Difference(-accuracy.value, -accuracy.high, -accuracy.low)
        if first == COMPARED:
            rows.append([second, *map(formats.cell_text, (accuracy, alone, other_alone, p_value))])
    return rows


def _baselines(work):
    runs = work / "baselines"
    rows = f"--rows={','.join(BASELINES)}"
    shared.run("-m", "tools.run_tables", _planted_set(work), f"--output_dir={runs}", rows)
    header = ["model", "WA [95 % interval]", "UA", "weighted precision", "macro precision"]
    table = shared.markdown(header, [_baseline_row(runs / name) for name in BASELINES])
    put_table(DOCS / "baselines.md", "models", table)
    (group,) = gather.gather(runs)
    header = [f"{COMPARED} against", "difference in WA", "it alone correct", "other alone", "p"]
    pairs = pair_rows(pair_tables.pair_table(group).rows)
    put_table(DOCS / "baselines.md", "pairs", shared.markdown(header, pairs))
    page = runs / "report/report.html"
    with _photographed(page.resolve().as_uri(), DOCS / "report.png", PAGE_SIZE):
        pass  # it shows everything at once


@contextlib.contextmanager
def _photographed(address, picture, size):
    """Opens a page in a browser; writes what its window shows at the end of the block.

    Args:
        address: The page's URL.
        picture: Path of the picture.
        size: Width and height of the window, in pixels.

    Yields:
        Playwright's `Page`.
    """
    window = {"width": size[0], "height": size[1]}
    with (
        files.replacing(picture) as temporary,
        browser.opened(address, viewport=window, color_scheme="light") as (shown, _),
    ):
        yield shown
        shown.screenshot(path=temporary, animations="disabled")


def _absent(work):
    data = _planted_set(work)
    for name, rate in (("always", 0), ("dropped", 0.2)):
        run = work / f"absent_{name}"
        train = ["--recipe=authors", "--hops=7", f"--modality_dropout={rate}"]
        shared.run("-m", "amh_tf.train", data, f"--run_dir={run}", *train)
        shared.run("-m", "amh_tf.evaluate", f"--run_dir={run}", "--drop=all_subsets")
        text = (run / "metrics_dropped.md").read_text(encoding="utf-8")
        table = "\n".join(line for line in text.splitlines() if line.startswith("|"))
        put_table(DOCS / "absent_modalities.md", name, table)


FIGURES = {
    "attention": _attention,  # attention.png
    "timeline": _timeline,  # timeline.png
    "live": _live,  # live.png
    "planted": _planted,  # confusion_matrix.png, and scores by number of hops
    "baselines": _baselines,  # report.png, and the tables of the models
    "absent": _absent,  # the tables of scores without modalities
}


def main():
    """Makes the figures that the flags name."""
    work = Path(FLAGS.work_dir).absolute()
    work.mkdir(parents=True, exist_ok=True)
    for name in FLAGS.figures:
        progress.console.print(f"\n{name}")
        FIGURES[name](work)


if __name__ == "__main__":
    flag_kit.define("path", "work_dir", None, "Where data and runs are kept.", required=True)
    flags.DEFINE_multi_enum("figures", list(FIGURES), list(FIGURES), "Which; may be repeated.")
    cli.run(main, on_stop="the same command continues from the last save")
