"""Trains the model of export/models/ravdess on the sound of all of RAVDESS:

python -m tools.train_ravdess_model --source_dir=RAVDESS --crossval=DIR --work_dir=DIR

RAVDESS is the release (https://zenodo.org/records/1188976), or its speech alone. --crossval is what
`python -m amh_tf.crossval` made of the very same recipe: its scores go into the model's card. The
model may be used as RAVDESS may: CC BY-NC-SA 4.0.
"""

from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import shutil

from absl import flags

from amh_tf import errors, files, folders, progress
from amh_tf.commands import flag_kit
from amh_tf.corpora import ravdess
from amh_tf.data import manifest
from amh_tf.runs import run_folder
from amh_tf.training import crossvalidation
from tools import shared

FLAGS = flags.FLAGS
MODEL_DIR = shared.ROOT / "export" / "models" / "ravdess"
RECORDINGS = len(ravdess.TAKES["speech"])
RECIPE = ("--recipe=small_corpus", "--model=rnn_attn", "--modalities=a", "--seeds=1,2,3")
# What predicting needs of a run; checkpoints, logs and the members' own files do not go along.
KEPT = ("config.json", "environment.json", "inputs.json", "vocabulary.txt")
KEPT += ("model.keras", "metrics.json")
MOST_BYTES = 3_000_000
NOTICE = """\
The model in this folder is derived from the Ryerson Audio-Visual Database of Emotional Speech and
Song (RAVDESS) by Steven R. Livingstone and Frank A. Russo, https://doi.org/10.5281/zenodo.1188976,
which is licensed under Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International.

The model is licensed under the same terms, CC BY-NC-SA 4.0:
https://creativecommons.org/licenses/by-nc-sa/4.0/legalcode

You may share and adapt it for purposes that are not commercial, with attribution and under the same
licence. Attribution: Livingstone SR, Russo FA (2018) The Ryerson Audio-Visual Database of Emotional
Speech and Song (RAVDESS). PLoS ONE 13(5): e0196391. https://doi.org/10.1371/journal.pone.0196391

Changes: a recurrent network was trained on features of the spoken recordings; no recording is
contained. The licence of the amh_tf package, Apache-2.0, does not apply to this folder.
"""


def _check_recordings(data, summary):
    """Refuses to train or to state scores on other recordings than all that the card promises."""
    trained = sum(shard.records for shard in manifest.load(data).shards)
    tested = sum(row["utterances"] for row in summary["pooled"]["per_class"])
    if trained != RECORDINGS or tested != RECORDINGS:
        raise errors.refusal(
            "RAVDESS is not complete",
            f"{RECORDINGS:,} recordings",
            f"{trained:,} to train on, {tested:,} that the cross-validation tested",
            "Get all of its speech, or set it with --source_dir and --crossval.",
        )


def _check_recipe(run_config, summary):
    """Refuses scores of another recipe than the model's."""
    tested = run_folder.RunFolder(Path(FLAGS.crossval) / "fold_00").load_config()
    differing = [
        name
        for name, _, _ in tested.differences(run_config)
        if name not in ("protocol", "fold", "data_fingerprint", "vocabulary_size")
    ]
    if differing or summary["protocol"] != "given":
        raise errors.refusal(
            "The cross-validation is not of this recipe",
            f"the published folds with {' '.join(RECIPE)}",
            f"others, in {', '.join(differing) or 'the protocol'}",
            "Set it with --crossval.",
        )


def _card(run_config, summary):
    pooled = summary["pooled"]
    rows = [
        f"| {row['class']} | {row['utterances']} | {row['precision']:.2f} | {row['recall']:.2f} | "
        f"{row['f1']:.2f} |"
        for row in pooled["per_class"]
    ]
    groups = pooled.get("per_sex") or {"groups": []}
    sexes = [f"{row['sex']} {shared.share(row['unweighted_accuracy'])}" for row in groups["groups"]]
    settings = run_config.model
    return f"""# Emotion of acted speech, from sound

An ensemble of {len(run_config.seeds)} models, {run_config.model.title}, trained by
`tools/train_ravdess_model.py` with `{" ".join(RECIPE)}` on all {RECORDINGS:,} spoken recordings of
RAVDESS: 24 professional actors from Toronto, 12 women and 12 men, North American English, two
sentences, eight emotions that were acted on request in a studio.

**Licence: CC BY-NC-SA 4.0**, with attribution, for research and teaching alone; see `LICENSE`. It
is not the licence of the package.

## What it takes and gives

Sound of any format, of which it hears the first 7.5 seconds: 40 MFCC with derivatives, standardized
by the training part, {settings.audio_stride} frames averaged into one. Probabilities of
{", ".join(summary["classes"])}.

    python -m amh_tf.predict --run_dir=export/models/ravdess --audio=clip.wav --attention=out.png

## Scores on actors that it has not heard

Of this very recipe under cross-validation by the five published folds of actors (each fold trained
without its actors; this model itself was trained on all and has no test part). Pooled over the
folds, 95 % intervals ({pooled["interval"]}):

| score | value |
|---|---|
| unweighted accuracy (UA, UAR) | {shared.interval(pooled["unweighted_accuracy"])} |
| weighted accuracy (WA, WAR) | {shared.interval(pooled["weighted_accuracy"])} |
| macro F1 | {shared.interval(pooled["macro_f1"])} |
| chance (UA) | {shared.share(1 / len(summary["classes"]))} |

| class | recordings | precision | recall | F1 |
|---|---|---|---|---|
{chr(10).join(rows)}

UA by sex: {", ".join(sexes) or "not known"}.

## Limits

- It knows 24 actors who acted. On other voices, languages, microphones, ages, rooms, and on
  feelings that are felt rather than acted, it is worse, and nobody has measured by how much.
- The two sentences are always the same: it was never shown what other words do to a voice.
- The probabilities are those of a softmax; they are not calibrated.
- It must not be used to judge, rank, hire, teach, treat, watch or police people. It is for
  looking at what such a model does.
"""


def main():
    """Trains and copies by the flags."""
    work = Path(FLAGS.work_dir)
    data, run_dir = work / "data", work / "run"
    summary = files.read_json(
        Path(FLAGS.crossval) / crossvalidation.SUMMARY_FILE, "the summary of a cross-validation"
    )
    source = [f"--source_dir={FLAGS.source_dir}", f"--output_dir={data}"]
    shared.run(
        "-m", "amh_tf.prepare", "--source=ravdess", *source, "--protocols=all", "--modalities=a"
    )
    _check_recordings(data, summary)
    shared.run("-m", "amh_tf.train", *RECIPE, f"--data_dir={data}", f"--run_dir={run_dir}")
    run_config = run_folder.RunFolder(run_dir).load_config()
    _check_recipe(run_config, summary)
    with folders.new_folder(work / "model") as folder:
        for name in KEPT:
            shutil.copy(run_dir / name, folder / name)
        # The path of the data on this machine is nobody else's.
        text = (folder / "config.json").read_text(encoding="utf-8")
        (folder / "config.json").write_text(
            text.replace(run_config.data.data_dir, "ravdess"), encoding="utf-8"
        )
        (folder / "LICENSE").write_text(NOTICE, encoding="utf-8")
        (folder / "MODEL_CARD.md").write_text(_card(run_config, summary), encoding="utf-8")
        size = sum(path.stat().st_size for path in folder.iterdir())
        if size > MOST_BYTES:
            raise errors.refusal("The model is too large", f"{MOST_BYTES} bytes", size)
    shutil.rmtree(MODEL_DIR, ignore_errors=True)
    shutil.move(work / "model", MODEL_DIR)
    progress.console.print(f"{MODEL_DIR} holds the model, {size:,} bytes.")


if __name__ == "__main__":
    flag_kit.define("path", "source_dir", None, "RAVDESS as released.", required=True)
    flag_kit.define("path", "crossval", None, "Cross-validation of the same recipe.", required=True)
    flag_kit.define("path", "work_dir", None, "Where data and run go; new.", required=True)
    cli.run(main, on_stop="the same command continues where it stopped")
