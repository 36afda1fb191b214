"""What must be known of a model before it is used: `model_card.md`."""

from amh_tf import __version__, escaping, feature_kinds, models, schema
from amh_tf.deploy import limits as request_limits
from amh_tf.deploy import raw_inputs
from amh_tf.runs import run_folder
from amh_tf.scores import score_tables


def _scores(reports):
    if not reports:
        return [
            "None: all utterances were trained on. See a cross-validation of the same settings."
        ]
    rows = ["| | " + " | ".join(run_folder.SCORED_SPLITS) + " |", "|---" * 3 + "|"]
    for title, name in score_tables.ROWS:
        cells = []
        for split in run_folder.SCORED_SPLITS:
            score = reports[split][name]
            low, high = score["interval_95"]
            cells.append(f"{score['value']:.3f} [{low:.3f}, {high:.3f}]")
        rows.append(f"| {title} | " + " | ".join(cells) + " |")
    test = reports["test"]
    remarks = [f"- {escaping.markdown(sentence)}" for sentence in score_tables.remarks(test)]
    return [*rows, *(["", "On test:", *remarks] if remarks else [])]


def _classes(trained):
    counts = trained.inputs.fold.label_counts
    rows = ["| class | train | dev | test | recall on test |", "|---|---|---|---|---|"]
    tested = trained.reports.get("test", {"per_class": ()})
    recalls = {
        row["class"]: row["recall"] for row in tested["per_class"] if row.get("utterances", 1)
    }
    for index, name in enumerate(trained.inputs.classes):
        cells = [str(counts[split][index]) for split in schema.SPLITS]
        recall = recalls.get(name)
        cells.append("" if recall is None else f"{recall:.3f}")
        rows.append(f"| {escaping.markdown(name)} | " + " | ".join(cells) + " |")
    return rows


def _inputs(trained):
    config = trained.config
    rows = ["| input | shape | what |", "|---|---|---|"]
    for modality in config.modalities:
        what = escaping.markdown(feature_kinds.describe(trained.inputs.features, modality))
        if modality == "text":
            shape, what = "(batch, time) int32", f"{what}; {config.vocabulary_size} words"
        else:
            shape = f"(batch, time, {getattr(config, f'{modality}_width')}) float32"
        rows.append(f"| `{modality}` | {shape} | {what} |")
        rows.append(f"| `{modality}_length` | (batch,) int32 | valid steps; 0 where absent |")
    for name in config.statistics_names:
        modality, what = name.split("_")
        width = getattr(config, f"{modality}_width")
        rows.append(f"| `{name}` | (batch, {width}) float32 | {what} of the speaker's {modality} |")
    return rows


def _limits(trained):
    inputs, config = trained.inputs, trained.config
    made = raw_inputs.made_of(trained)
    kept = ", ".join(
        f"{inputs.max_lengths[name]} {what}"
        for name, what in (("audio", "steps of audio"), ("text", "words"))
        if name in made
    )
    limits = [
        "Scores hold for the data set above. Other speakers, languages, microphones and ways to "
        "show emotion give others, mostly worse; acted emotion is not felt emotion.",
        "The probabilities are a softmax, not calibrated. They rank classes; they are no measure "
        "of how sure one can be.",
        "Do not decide about people by this model's answers.",
    ]
    if "audio" in made and inputs.trim_silence:
        limits.append(
            "`raw` and `raw_wav` leave out what is before and after all sound within "
            f"{inputs.trim_silence:g} dB of the loudest, as in training."
        )
    if kept:
        limits.append(f"The signatures `raw` and `raw_wav` read the first {kept}, no more.")
    limits.append(_request_limits(trained))
    if inputs.synthetic:
        limits.insert(0, "The data are synthetic: the model knows nothing of real speech.")
    if inputs.transcripts == "asr":
        limits.append("Words of the data set were recognized: give it recognized words.")
    for modality, problem in trained.refusals.items():
        if problem:
            signatures = " There are no signatures `raw` and `raw_wav`." * (modality != "video")
            limits.append(escaping.markdown(problem) + signatures)
    if config.by_speaker:
        limits.append(
            "It standardizes by the speaker: `audio_mean`, `audio_deviation` and so on are those "
            "of all recordings of the speaker that there are. With fewer it is less accurate "
            "than the scores above say."
            + " `raw` and `raw_wav` take the utterance's own for zeros."
            * bool(made)
        )
    if config.dtype != "float32":
        limits.append(
            f"It was trained in {config.dtype}. The edge module computes in float32 and may "
            "differ in the third digit."
        )
    limits += [
        f"In the scores above, {escaping.markdown(warning)}." for warning in inputs.fold.warnings
    ]
    return [f"- {limit}" for limit in limits]


def _request_limits(trained):
    most = request_limits.Limits(trained.inputs.max_lengths)
    steps = ", ".join(
        f"{most.max_request_steps[modality]:,} of {modality}"
        for modality in trained.config.modalities
    )
    return (
        f"A request to the served model has at most {most.max_request_rows:,} rows "
        f"(`max_request_rows`) and, rows times the steps of the longest, {steps} "
        f"(`max_request_steps`); its transcripts have at most {most.max_transcript_bytes:,} bytes "
        f"in all (`max_transcript_bytes`), a WAV file {most.max_wav_bytes:,} (`max_wav_bytes`)."
    )


def text(trained, version, signatures):
    """Writes the card.

    Args:
        trained: `amh_tf.runs.trained.Trained`.
        version: Number of the served version.
        signatures: Dict from signature to the names of its inputs.

    Returns:
        Markdown text.
    """
    config, fold = trained.config, trained.inputs.fold
    hops = [
        f"{hop + 1} {modality}" for hop, modality in enumerate(_hop_targets(trained.model, config))
    ]
    lines = [
        f"# {config.title}, version {version}",
        "",
        f"Emotion of an utterance from {', '.join(config.modalities)}; "
        f"{trained.model.count_params():,} parameters; exported by amh_tf {__version__}.",
        "",
        "## Data",
        escaping.markdown(
            f"{trained.inputs.data}; {fold.description}; fold {fold.number} ({fold.name})."
        )
        + f" Fingerprint `{trained.run_config.data_fingerprint}`.",
        "",
        "## Scores",
        "With 95 % intervals. Weighted accuracy (WA, also WAR) is plain accuracy; unweighted "
        "accuracy (UA, also UAR or macro recall) is the mean over the classes of the recall.",
        "",
        *_scores(trained.reports),
        "",
        "## Classes",
        *_classes(trained),
        "",
        "## Inputs",
        *_inputs(trained),
        "",
        "Signatures of the served model:",
        *(
            f"- `{name}`: {', '.join(map('`{}`'.format, names))}"
            for name, names in signatures.items()
        ),
        "",
        *([f"Hops attend to: {', '.join(hops)}.", ""] if hops else []),
        "The edge module takes one utterance, time at least 1, and gives NaN where the served "
        "model raises an error.",
        "",
        "## Limits",
        *_limits(trained),
    ]
    return "\n".join(lines) + "\n"


def _hop_targets(model, config):
    layers = {layer.name: layer for layer in models.members(model)[0].layers}
    return layers["hops"].targets(config.modalities) if "hops" in layers else []
