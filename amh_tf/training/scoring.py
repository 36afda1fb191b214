"""Scores of a trained model on a split, and what a reader of them must know."""

import collections

from amh_tf import feature_kinds, progress, schema
from amh_tf.data import integrity, pipeline, utterances
from amh_tf.runs import opening
from amh_tf.scores import metrics, score_tables
from amh_tf.training import evaluation

SPEAKER_WARNING = (
    "features are standardized by all recordings of their speaker, without labels, those of test "
    "speakers among them"
)


def evaluate(run_dir, split, data_dir=None, verify="sizes"):
    """Scores a trained run on one split and prints the table.

    Args:
        run_dir: The run's folder.
        split: "train", "dev" or "test".
        data_dir: Where the run's data set is now, if it has moved.
        verify: How shards are checked, one of `config.VERIFY_LEVELS`.

    Returns:
        The split's report, as in `metrics.json`.

    Raises:
        ValueError: If the run has no model yet, or the data set is another one.
    """
    folder, run_config, fold = opening.open_run(run_dir, data_dir, verify)
    introduce(fold, run_config.model)
    with folder.locked():
        predict_step = evaluation.predict_step_of(run_config, folder.load_model())
        scored = score(run_config, fold, predict_step, folder, split)
    score_tables.print_reports({split: scored})
    return scored


def score(run_config, fold, predict_step, folder, split):
    """Scores what a model predicts on a split and writes the run's files for it.

    Returns:
        The split's report, as in `metrics.json`.
    """
    batches = pipeline.batches(
        fold,
        split,
        run_config.data.batch_size,
        modalities=run_config.model.modalities,
        with_ids=True,
        by_speaker=run_config.model.by_speaker,
    )
    with (
        integrity.naming_damage(fold, (split,)),
        progress.bar(fold.count(split), f"scoring {split}", "utterances") as bar,
    ):
        predictions = evaluation.predict(predict_step, batches, bar.advance)
    scored = report(fold, predictions, run_config)
    accuracy, recall = (
        scored[name]["value"] for name in ("weighted_accuracy", "unweighted_accuracy")
    )
    title = (
        f"{run_config.model.title}, {split}\nWA (WAR) {accuracy:.3f}, UA (UAR) {recall:.3f}\n"
        f"{fold.manifest.name}"
    )
    folder.save_results(split, scored, predictions, fold.manifest.classes, title)
    return scored


def report(fold, predictions, run_config):
    """Scores predictions, and says on what data, as `metrics.json` holds it."""
    manifest = fold.manifest
    warnings = [*fold.warnings, *model_warnings(manifest, run_config.model)]
    if run_config.training.shuffle_labels:
        warnings.append("the training part's labels were exchanged at random: this is a control")
    return {
        "data": manifest.name,
        "synthetic": manifest.synthetic,
        "protocol": fold.protocol,
        "fold": fold.number,
        "standardize": run_config.model.standardize,
        "warnings": warnings,
        **metrics.report(
            predictions.labels,
            predictions.probabilities,
            manifest.classes,
            **utterances.about(manifest, predictions.ids),
        ),
    }


def model_warnings(manifest, model):
    """Says what a reader of a model's scores must know of its features.

    Args:
        manifest: `amh_tf.data.manifest.Manifest`.
        model: `ModelConfig`.

    Returns:
        List of texts.
    """
    warnings = []
    for modality in model.modalities:
        kind = feature_kinds.record(manifest.features, modality)["kind"]
        if kind == feature_kinds.ABSENT:
            warnings.append(f"the data set has no {modality}, which the model is to read")
        if kind in (feature_kinds.OTHER, feature_kinds.UNKNOWN) and not manifest.synthetic:
            description = feature_kinds.describe(manifest.features, modality)
            warnings.append(f"{modality} features: {description}")
    if not model.by_speaker:
        return warnings
    warnings.append(SPEAKER_WARNING)
    counts = collections.Counter(row.speaker for row in utterances.read(manifest))
    alone = [speaker for speaker, count in counts.items() if count == 1]
    if alone:
        warnings.append(
            f"{len(alone)} of {len(counts)} speakers have a single recording, which is "
            f"standardized by itself, such as {alone[0]!r:.100}"
        )
    return warnings


def introduce(fold, model):
    """Prints what a run trains and tests on, and what a reader of its scores must know."""
    counts = ", ".join(f"{fold.count(split):,} {split}" for split in schema.SPLITS)
    progress.console.print(
        f"Data: {fold.manifest.name}; utterances: {counts}; "
        f"classes: {' '.join(fold.manifest.classes)}\n"
        f"Protocol: {fold.description}; fold {fold.number} ({fold.name})"
    )
    for warning in [*fold.warnings, *model_warnings(fold.manifest, model)]:
        progress.console.print(f"Note: {warning}.")
