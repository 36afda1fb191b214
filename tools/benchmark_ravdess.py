"""Cross-validates recipes and models on RAVDESS and tabulates their test scores:

python -m tools.benchmark_ravdess --source_dir=RAVDESS --action_units=FILE --output_dir=DIR

RAVDESS is the release (https://zenodo.org/records/1188976), or its speech alone. FILE is a NumPy
archive of `ids` (utterances,), as 03-01-01-01-01-01-01, and `values` (utterances, width): features
of each whole clip's pictures, such as the means of OpenFace's action units; without it the rows of
sound and pictures are left out. Rows that are finished are not repeated, so that the command can be
stopped and given again. Writes `results.md` to DIR.
"""

import hashlib
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)

import numpy as np
import tensorflow as tf
from absl import flags

from amh_tf import errors, files, progress
from amh_tf.commands import flag_kit
from amh_tf.corpora import ravdess, source
from amh_tf.data import manifest, records, writer
from amh_tf.extraction import extracted_source
from tools import shared

FLAGS = flags.FLAGS
BY_SPEAKER, BY_TRAIN = "--standardize=speaker", "--standardize=global"
BOTH = {"by speaker": BY_SPEAKER, "by the training part": BY_TRAIN}
# What each ingredient of the recipe gives: the recipe without it.
WITHOUT = {
    "standardization": "--standardize=none",
    "averaging of frames": "--audio_stride=1",
    "batches of 32": "--batch_size=128",
    "cosine schedule": "--schedule=constant,--warmup=0",
    "label smoothing": "--label_smoothing=0",
    "speed": "--audio_speed=0",
    "noise": "--audio_noise=0",
    "time masks": "--audio_time_mask=0",
}
HOPS = (1, 2, 3, 5, 7)


def _rows():
    """Returns the rows of each table: dict from table to dict from name to (data, flags)."""

    def sound(*row):
        return "sound", ["--model=rnn_attn", "--modalities=a", *row]

    without = {f"without {n}": sound(BY_SPEAKER, *f.split(",")) for n, f in WITHOUT.items()}
    tables = {
        "sound": {f"RNN-attn, {how}": sound(flag) for how, flag in BOTH.items()},
        "authors": {"RNN-attn, the authors' recipe": sound("--recipe=authors")},
        "ingredients": {
            "all, by speaker": sound(BY_SPEAKER),
            **without,
            "with dropout of states": sound(BY_SPEAKER, "--state_dropout=0.5"),
        },
        "sentences": {
            f"RNN-attn, {how}": sound(flag, "--protocol=text") for how, flag in BOTH.items()
        },
        "words": {"RNN-attn on words": ("sound", ["--model=rnn_attn", "--modalities=t"])},
        "control": {"RNN-attn, shuffled labels": sound(BY_SPEAKER, "--shuffle_labels")},
    }
    for how, flag in BOTH.items():
        models = {"MDRE": "--model=mdre", **{f"AMH-{n}": f"--hops={n}" for n in HOPS}}
        tables[f"pictures {how}"] = {
            name: ("pictures", [model, "--modalities=av", flag]) for name, model in models.items()
        }
    return tables


def _prepare(output):
    """Writes the data folder of the sound, by the published folds and by sentences."""
    folder = output / "data" / "sound"
    if not (folder / manifest.FILE_NAME).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folders = [f"--source_dir={FLAGS.source_dir}", f"--output_dir={folder}"]
        folds = ["--protocols=given,text", "--dev_speakers=1", "--modalities=at"]
        prepare = ["-m", "amh_tf.prepare", "--source=ravdess", *folders, *folds]
        shared.run(*prepare, log=output / "prepare.log")
    return folder


def _with_pictures(output, sound):
    """Writes the data folder of sound and features of pictures, one step of them an utterance."""
    folder = output / "data" / "pictures"
    if (folder / manifest.FILE_NAME).is_file():
        return folder
    data, corpus = manifest.load(sound), ravdess.read(FLAGS.source_dir)
    archive = np.load(FLAGS.action_units)
    values = dict(zip(archive["ids"].tolist(), archive["values"].astype(np.float32)))
    index = [extracted_source.entry(utterance) for utterance in corpus.recordings]
    missing = [entry.id for entry in index if entry.id not in values]
    if missing:
        raise errors.refusal(
            f"{FLAGS.action_units!r} does not fit",
            "features of every utterance",
            f"none of {len(missing)}, such as {missing[0]!r}",
        )
    width = next(iter(values.values())).size
    audio, no_words = _sounds(data), np.zeros(0, np.int32)

    def utterances():
        for entry in index:
            video = values[entry.id].reshape(1, width)
            yield source.Utterance(entry.id, entry.label, audio[entry.id], no_words, video)

    with open(FLAGS.action_units, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    pictures = source.Source(
        name="RAVDESS with features of pictures",
        synthetic=False,
        classes=corpus.classes,
        widths={"audio": data.widths["audio"], "video": width},
        vocabulary=("_PAD_", "_UNK_"),
        embedding=None,
        index=tuple(index),
        utterances=utterances,
        fingerprint=f"{data.fingerprint} {digest}",
        fold_names=corpus.fold_names,
        published=corpus.published,
    )
    writer.write(pictures, folder, protocols=["given"], dev_speakers=1, progress=progress.bar)
    return folder


def _sounds(data):
    """Reads the sound of every utterance of a data folder into memory."""
    audio = {}
    for shard in data.shards:
        for record in tf.data.TFRecordDataset(str(data.path(shard.file))):
            fields = records.decode(record[None], data.widths, ("audio",), data.feature_dtype)
            length = int(fields["audio_length"][0])
            audio[fields["id"][0].numpy().decode()] = fields["audio"][0].numpy()[:length]
    return audio


def _cross_validate(output, table, name, data, row):
    """Trains every fold of a row and returns its summary."""
    words = f"{table}-{name}".lower().replace("'", "")
    folder = output / "rows" / "_".join("".join(c if c.isalnum() else " " for c in words).split())
    seeds = FLAGS.seeds[:1] if table in FLAGS.once else FLAGS.seeds
    if not (folder / "crossval.json").is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = ["-m", "amh_tf.crossval", f"--recipe={FLAGS.recipe}", f"--data_dir={data}"]
        command += [f"--output_dir={folder}", f"--seeds={','.join(seeds)}", f"--jobs={FLAGS.jobs}"]
        shared.run(*command, *row, log=folder.with_suffix(".log"))
    return files.read_json(folder / "crossval.json", "the summary of a cross-validation")


def _cells(summary):
    """Returns the cells of a row: scores of a seed, and of the seeds' average."""
    seeds = [seed["mean"] for seed in (summary.get("seeds") or {}).get("members", [])]
    pooled = summary["pooled"]["unweighted_accuracy"]
    averaged = {**pooled, "value": summary["mean"]["unweighted_accuracy"]}
    folds = [f"{fold['scores']['unweighted_accuracy']:.2f}" for fold in summary["folds"]]
    return [
        *(
            shared.spread([mean[score] for mean in seeds or [summary["mean"]]])
            for score in ("unweighted_accuracy", "weighted_accuracy")
        ),
        shared.interval(averaged),
        " ".join(folds),
    ]


def main():
    """Runs the benchmark by the flags."""
    output, tables = Path(FLAGS.output_dir), _rows()
    unknown = set(FLAGS.tables) - set(tables)
    if unknown:
        raise errors.refusal(
            "There is no such table",
            f"some of {', '.join(tables)}",
            f"{', '.join(sorted(unknown))}",
            "Set them with --tables.",
        )
    output.mkdir(parents=True, exist_ok=True)
    data = {"sound": _prepare(output)}
    if FLAGS.action_units:
        data["pictures"] = _with_pictures(output, data["sound"])
    chosen = [
        (table, name, *row)
        for table, rows in tables.items()
        for name, row in rows.items()
        if row[0] in data and table in (FLAGS.tables or tables)
    ]
    head = ["row", "UA (UAR) a seed", "WA (WAR) a seed", "UA, seeds averaged [95 %]", "UA by fold"]
    results = {}
    with progress.bar(len(chosen), "benchmark", "rows") as bar:
        for table, name, kind, row in chosen:
            summary = _cross_validate(output, table, name, data[kind], row)
            results.setdefault(table, []).append([name, *_cells(summary)])
            page = [f"## {t}\n\n{shared.markdown(head, rows)}" for t, rows in results.items()]
            files.write_text(output / "results.md", "\n".join(page))
            bar.advance()
    progress.console.print("\n".join(page))


if __name__ == "__main__":
    flag_kit.define("path", "source_dir", None, "RAVDESS as released.", required=True)
    flag_kit.define("path", "action_units", None, "Features of each clip's pictures; none.")
    flag_kit.define("path", "output_dir", None, "Where data, runs and tables go.", required=True)
    flags.DEFINE_string("recipe", "small_corpus", "Recipe of all rows but the authors'.")
    flags.DEFINE_list("seeds", ["1", "2", "3"], "Seeds of each row.")
    flags.DEFINE_integer("jobs", 2, "Folds to train side by side.", lower_bound=1)
    flags.DEFINE_list("once", [], "Tables of which the first seed alone is trained.")
    flags.DEFINE_list("tables", [], "Names of the tables to make; all.")
    cli.run(main)
