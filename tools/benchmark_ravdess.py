"""Cross-validates recipes and models on RAVDESS and tabulates their test scores:

python tools/benchmark_ravdess.py --source_dir=RAVDESS --action_units=FILE --output_dir=DIR

RAVDESS is the release (https://zenodo.org/records/1188976), or its speech alone. FILE is a NumPy
archive of `ids` (utterances,), as 03-01-01-01-01-01-01, and `values` (utterances, width): features
of each whole clip's pictures, such as the means of OpenFace's action units; without it the rows of
sound and pictures are left out. Rows that are finished are not repeated, so that the command can be
stopped and given again. Writes `results.md` and `results.json` to DIR.
"""

import hashlib
import json
import subprocess
import sys
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

FLAGS = flags.FLAGS
SOUND = ["--model=rnn_attn", "--modalities=a"]
BY_SPEAKER, BY_TRAIN = "--standardize=speaker", "--standardize=global"
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
    both = {"by speaker": BY_SPEAKER, "by the training part": BY_TRAIN}
    tables = {
        "sound": {f"RNN-attn, {how}": ("sound", [*SOUND, flag]) for how, flag in both.items()},
        "authors": {"RNN-attn, the authors' recipe": ("sound", [*SOUND, "--recipe=authors"])},
        "ingredients": {
            "all, by speaker": ("sound", [*SOUND, BY_SPEAKER]),
            **{
                f"without {name}": ("sound", [*SOUND, BY_SPEAKER, *change.split(",")])
                for name, change in WITHOUT.items()
            },
            "with dropout of states": ("sound", [*SOUND, BY_SPEAKER, "--state_dropout=0.5"]),
        },
        "sentences": {
            f"RNN-attn, {how}": ("sound", [*SOUND, flag, "--protocol=text"])
            for how, flag in both.items()
        },
        "words": {"RNN-attn on words": ("sound", ["--model=rnn_attn", "--modalities=t"])},
        "control": {
            "RNN-attn, shuffled labels": ("sound", [*SOUND, BY_SPEAKER, "--shuffle_labels"])
        },
    }
    pictures = ["--modalities=av"]
    for how, flag in both.items():
        tables[f"pictures {how}"] = {
            "MDRE": ("pictures", ["--model=mdre", *pictures, flag]),
            **{f"AMH-{n}": ("pictures", [f"--hops={n}", *pictures, flag]) for n in HOPS},
        }
    return tables


def _run(*arguments, log):
    with open(log, "a", encoding="utf-8") as output:
        status = subprocess.run(
            [sys.executable, "-m", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if status.returncode:
        raise errors.InputError(
            f"A step has failed. Expected exit code 0. Received: {status.returncode}. See {log}."
        )


def _prepare(output):
    """Makes the data folder of the sound, by the published folds and by sentences."""
    folder = output / "data" / "sound"
    if not (folder / manifest.FILE_NAME).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _run(
            "amh_tf.prepare",
            "--source=ravdess",
            f"--source_dir={FLAGS.source_dir}",
            f"--output_dir={folder}",
            "--protocols=given,text",
            "--dev_speakers=1",
            "--modalities=at",
            log=output / "prepare.log",
        )
    return folder


def _with_pictures(output, sound):
    """Makes the data folder of sound and features of pictures, one step of them an utterance."""
    folder = output / "data" / "pictures"
    if (folder / manifest.FILE_NAME).is_file():
        return folder
    held = manifest.load(sound)
    given = np.load(FLAGS.action_units)
    values = dict(zip(given["ids"].tolist(), given["values"].astype(np.float32)))
    corpus = ravdess.read(FLAGS.source_dir)
    index = [extracted_source.entry(spoken) for spoken in corpus.recordings]
    missing = [entry.id for entry in index if entry.id not in values]
    if missing:
        raise errors.InputError(
            f"{FLAGS.action_units!r} does not fit. Expected features of every utterance. Received: "
            f"none of {len(missing)}, such as {missing[0]!r}."
        )
    width = next(iter(values.values())).size
    stored = _sounds(held)

    def utterances():
        for entry in index:
            yield source.Utterance(
                id=entry.id,
                label=entry.label,
                audio=stored[entry.id],
                text=np.zeros(0, np.int32),
                video=values[entry.id].reshape(1, width),
            )

    made = source.Source(
        name="RAVDESS with features of pictures",
        synthetic=False,
        classes=corpus.classes,
        widths={"audio": held.widths["audio"], "video": width},
        vocabulary=("_PAD_", "_UNK_"),
        embedding=None,
        index=tuple(index),
        utterances=utterances,
        fingerprint=f"{held.fingerprint} {_digest(FLAGS.action_units)}",
        fold_names=corpus.fold_names,
        published=corpus.published,
    )
    writer.write(made, folder, protocols=["given"], dev_speakers=1, progress=progress.bar)
    return folder


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sounds(held):
    """Reads the sound of every utterance of a data folder into memory."""
    read = {}
    for shard in held.shards:
        for record in tf.data.TFRecordDataset(str(held.path(shard.file))):
            fields = records.decode(record[None], held.widths, ("audio",), held.feature_dtype)
            length = int(fields["audio_length"][0])
            read[fields["id"][0].numpy().decode()] = fields["audio"][0].numpy()[:length]
    return read


def _cross_validate(output, table, name, data, row):
    """Trains every fold of a row and returns its summary."""
    words = f"{table}-{name}".lower().replace("'", "")
    folder = output / "rows" / "_".join("".join(c if c.isalnum() else " " for c in words).split())
    seeds = FLAGS.seeds[:1] if table in FLAGS.once else FLAGS.seeds
    summary = folder / "crossval.json"
    if not summary.is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        arguments = ["amh_tf.crossval", f"--recipe={FLAGS.recipe}", f"--data_dir={data}"]
        arguments += [f"--output_dir={folder}", f"--seeds={','.join(seeds)}", *row]
        arguments.append(f"--jobs={FLAGS.jobs}")
        _run(*arguments, log=folder.with_suffix(".log"))
    return files.read_json(summary, "the summary of a cross-validation")


def _cells(summary):
    """Returns the cells of a row: scores of a seed, and of the seeds' average."""
    cells = []
    for score in ("unweighted_accuracy", "weighted_accuracy"):
        values = [each[score] for each in _of_seeds(summary)]
        spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
        cells.append(f"{np.mean(values):.3f}{spread}")
    pooled = summary["pooled"]["unweighted_accuracy"]
    low, high = pooled["interval_95"]
    cells.append(f"{summary['mean']['unweighted_accuracy']:.3f} [{low:.3f}, {high:.3f}]")
    cells.append(
        " ".join(f"{fold['scores']['unweighted_accuracy']:.2f}" for fold in summary["folds"])
    )
    return cells


def _of_seeds(summary):
    """Returns each seed's mean scores over the folds."""
    seeds = summary.get("seeds") or {}
    return [each["mean"] for each in seeds.get("members", [])] or [summary["mean"]]


def _table(results):
    head = ["row", "UA (UAR) a seed", "WA (WAR) a seed", "UA, seeds averaged [95 %]", "UA by fold"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += [
        f"| {name} | " + " | ".join(_cells(summary)) + " |" for name, summary in results.items()
    ]
    return "\n".join(lines) + "\n"


def main():
    """Runs the benchmark by the flags."""
    output = Path(FLAGS.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    data = {"sound": _prepare(output)}
    if FLAGS.action_units:
        data["pictures"] = _with_pictures(output, data["sound"])
    chosen = {
        table: {name: row for name, row in rows.items() if row[0] in data}
        for table, rows in _rows().items()
        if not FLAGS.tables or table in FLAGS.tables
    }
    unknown = set(FLAGS.tables) - set(_rows())
    if unknown:
        raise errors.InputError(
            f"There is no such table. Expected some of {', '.join(_rows())}. Received: "
            f"{', '.join(sorted(unknown))}. Set them with --tables."
        )
    results = {}
    with progress.bar(sum(map(len, chosen.values())), "benchmark", "rows") as bar:
        for table, rows in chosen.items():
            results[table] = {}
            for name, (kind, row) in rows.items():
                results[table][name] = _cross_validate(output, table, name, data[kind], row)
                bar.advance()
                shown = [f"## {title}\n\n{_table(found)}" for title, found in results.items()]
                files.write_text(output / "results.md", "\n".join(shown))
                files.write_text(output / "results.json", json.dumps(results, indent=1) + "\n")
    progress.console.print("\n".join(shown))


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
