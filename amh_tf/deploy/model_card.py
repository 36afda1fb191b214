"""What must be known of a model before it is used: `model_card.md`."""

from amh_tf import __version__, feature_kinds, models, schema, templates
from amh_tf.deploy import limits, raw_inputs
from amh_tf.runs import run_folder, trained
from amh_tf.scores import score_tables


def text(run: trained.Trained, version: int, signatures: dict[str, tuple]) -> str:
    """Writes the card.

    Args:
        run: The trained model and its scores.
        version: Number of the served version.
        signatures: Dict from signature to the names of its inputs.

    Returns:
        Markdown text.
    """
    config, inputs = run.config, run.inputs
    raw = raw_inputs.made_of(run)
    return templates.render(
        "deploy/model_card.md",
        config=config,
        inputs=inputs,
        version=version,
        release=__version__,
        fingerprint=run.run_config.data_fingerprint,
        parameters=f"{run.model.count_params():,}",
        splits=run_folder.SCORED_SPLITS,
        scores=_scores(run.reports),
        remarks=score_tables.remarks(run.reports["test"]) if run.reports else [],
        classes=_classes(run),
        features=[
            (
                modality,
                feature_kinds.describe(inputs.features, modality),
                *config.input_spec(modality),
            )
            for modality in config.modalities
        ],
        statistics=[
            (*name.split("_"), *config.input_spec(name)[0]) for name in config.statistics_names
        ],
        signatures=signatures,
        hops=_hop_targets(run.model, config),
        raw=raw,
        raw_limits=[
            f"{inputs.max_lengths[modality]} {unit}"
            for modality, unit in (("audio", "steps of audio"), ("text", "words"))
            if modality in raw
        ],
        limits=limits.Limits(inputs.max_lengths),
        refusals=run.refusals,
    )


def _scores(reports):
    """Lists the title of each score and, for each split, its value and interval as text."""
    rows = []
    for title, name in score_tables.ROWS if reports else ():
        scores = [reports[split][name] for split in run_folder.SCORED_SPLITS]
        numbers = [(score["value"], *score["interval_95"]) for score in scores]
        rows.append((title, [[f"{number:.3f}" for number in cell] for cell in numbers]))
    return rows


def _classes(run):
    """Lists the name, the utterances of each split and the recall on test of each class."""
    counts = run.inputs.fold.label_counts
    tested = run.reports.get("test", {"per_class": ()})
    recalls = {
        row["class"]: f"{row['recall']:.3f}"
        for row in tested["per_class"]
        if row.get("utterances", 1)
    }
    return [
        (name, [counts[split][index] for split in schema.SPLITS], recalls.get(name, ""))
        for index, name in enumerate(run.inputs.classes)
    ]


def _hop_targets(model, config):
    layers = {layer.name: layer for layer in models.members(model)[0].layers}
    return layers["hops"].targets(config.modalities) if "hops" in layers else []
