"""How a trained model fares when modalities are absent."""

import itertools
import json
from typing import Literal, TypedDict

import tensorflow as tf

from amh_tf import errors, files, progress, schema, typed
from amh_tf.data import pipeline
from amh_tf.runs import opening, stored_reports
from amh_tf.scores import score_tables
from amh_tf.training import evaluation, scoring

ALL_SUBSETS = "all_subsets"
SCORES_FILE = "metrics_dropped.json"
TABLE_FILE = "metrics_dropped.md"


def selections(modalities, drop):
    """Lists which modalities are left: first all of them, then as asked.

    Args:
        modalities: The model's modalities.
        drop: List of modalities to drop together, or `[ALL_SUBSETS]`.

    Returns:
        List of tuples of modalities, in the order of `modalities`.

    Raises:
        ValueError: If a modality is not the model's, none is dropped, or none is left.
    """
    modalities = tuple(modalities)
    if list(drop) == [ALL_SUBSETS]:
        sizes = range(len(modalities), 0, -1)
        return [present for size in sizes for present in itertools.combinations(modalities, size)]
    present = tuple(modality for modality in modalities if modality not in drop)
    if not drop or not present or not set(drop) <= set(modalities):
        raise errors.refusal(
            "`drop` is not a choice of the model's modalities",
            f"some of {', '.join(modalities)}, but not all, or {ALL_SUBSETS}",
            f"drop={','.join(drop)!r}",
            "Set it with --drop.",
        )
    return [modalities, present]


def without(batches, dropped):
    """Sets the lengths of modalities to 0 in `(inputs, ...)`, a `tf.data.Dataset`."""

    def drop(inputs, *others):
        lengths = {f"{modality}_length" for modality in dropped}
        zeroed = {
            name: tf.zeros_like(value) if name in lengths else value
            for name, value in inputs.items()
        }
        return (zeroed, *others)

    return batches.map(drop)


def evaluate(run_dir, split, drop, data_dir=None, verify="sizes"):
    """Scores a trained run on one split with some of its modalities alone.

    An utterance that has none of the modalities that are left counts too: it is scored by
    what the model says of nothing. Writes `metrics_dropped.json` and a table in Markdown,
    `metrics_dropped.md`, into the run's folder; scores that are there already are kept.

    Args:
        run_dir: The run's folder.
        split: "train", "dev" or "test".
        drop: As in `selections`.
        data_dir: Where the run's data set is now, if it has moved.
        verify: How its shards are checked, as in `DataConfig`.

    Returns:
        Dict from the modalities that were left, as "audio+text", to report.

    Raises:
        ValueError: If the run has no model yet, the data set is another one, or `drop` is
            not a choice.
    """
    folder, run_config, fold = opening.open_run(run_dir, data_dir, verify)
    modalities = run_config.model.modalities
    subsets = selections(modalities, drop)
    scoring.introduce(fold, run_config.model)
    with folder.locked():
        predict_step = evaluation.predict_step_of(run_config, folder.load_model())
        reports = {}
        total = len(subsets) * fold.count(split)
        with progress.bar(total, f"scoring {split}", "utterances") as bar:
            for present in subsets:
                batches = pipeline.batches(
                    fold,
                    split,
                    run_config.data.batch_size,
                    modalities=modalities,
                    with_ids=True,
                    by_speaker=run_config.model.by_speaker,
                )
                batches = without(batches, set(modalities) - set(present))
                predictions = evaluation.predict(predict_step, batches, bar.advance)
                reports["+".join(present)] = scoring.report(fold, predictions, run_config)
        save(folder.path, run_config.model, split, reports)
    score_tables.print_available(reports, split)
    return reports


def save(folder, model, split, reports):
    """Adds scores to those of the run's folder, and writes both as a table, too.

    Args:
        folder: The run's folder.
        model: The run's `ModelConfig`.
        split: "train", "dev" or "test".
        reports: Dict from modalities, as "audio+text", to report.

    Raises:
        ValueError: If what is there is damaged.
    """
    path = folder / SCORES_FILE
    # In the order of `selections`, whatever was asked for first.
    names = ["+".join(present) for present in selections(model.modalities, [ALL_SUBSETS])]
    stored = _load(path, names) if path.exists() else {}
    merged = {**stored.get(split, {}), **reports}
    stored[split] = {name: merged[name] for name in names if name in merged}
    text = json.dumps(stored, indent=2) + "\n"
    sections = [
        f"## {model.title}, {name}\n\n{score_tables.available_markdown(scores)}"
        for name, scores in stored.items()
    ]
    files.write_text(path, text)
    files.write_text(folder / TABLE_FILE, "\n".join(sections))


def _load(path, names):
    expected = "the scores that `amh_tf.evaluate --drop` writes"
    stored = files.read_json(path, expected)
    of_split = dict[Literal[tuple(names)], stored_reports.Report]
    by_split = TypedDict("by_split", dict.fromkeys(schema.SPLITS, of_split), total=False)
    with typed.refusing(path, expected, "Delete it and evaluate again."):
        typed.record(stored, by_split)
    return stored
