"""The live page: microphone, files and words to an emotion, in a browser that asks nobody else."""

import json
import shutil
import tempfile
from importlib import resources
from pathlib import Path

from amh_tf import __version__, errors, models, palette, schema, templates
from amh_tf.deploy import raw_inputs, web_runtime
from amh_tf.deploy.onnx import description
from amh_tf.deploy.onnx import write as onnx_files
from amh_tf.features import audio, silence, text
from amh_tf.runs.trained import Trained

# Files of a run that go with its model wherever it goes, what they are called beside the page, and
# what they are.
DOCUMENTS = {
    "MODEL_CARD.md": ("training.txt", "about its training"),
    "LICENSE": ("licence.txt", "licence of the model"),
}
_NAMES = {"audio": "sound", "text": "words"}


def check(trained: Trained) -> None:
    """Checks that sound or words can be given to a model.

    Raises:
        InputError: If they cannot; the message says why.
    """
    if raw_inputs.made_of(trained):
        return
    problems = [problem for problem in trained.refusals.values() if problem]
    raise errors.refusal(
        "The model cannot answer on a page",
        "one that reads sound or words, which the page makes features of",
        f"{trained.config.title}. {' '.join(problems)}".rstrip(". "),
        "Leave --web out.",
    )


def save(trained: Trained, folder: Path, runtime: dict[str, bytes], card: str, run_dir) -> None:
    """Writes the page and all that it needs.

    Args:
        trained: `amh_tf.runs.trained.Trained`.
        folder: Where to; it is empty.
        runtime: What `web_runtime.read` returns.
        card: The model card.
        run_dir: The run's folder, whose `DOCUMENTS` go along.
    """
    check(trained)
    for source in resources.files("amh_tf.deploy").joinpath("web").iterdir():
        (folder / source.name).write_bytes(source.read_bytes())
    (folder / "runtime").mkdir()
    for name, content in runtime.items():
        (folder / "runtime" / name).write_bytes(content)
    settings = _settings(trained)
    _save_model(trained, folder / "model", settings)
    (folder / "model.json").write_text(json.dumps(settings) + "\n", encoding="utf-8")
    if "text" in settings:
        shutil.copyfile(trained.inputs.vocabulary_path, folder / "vocabulary.txt")
    (folder / "model_card.txt").write_text(card, encoding="utf-8")
    documents = []
    for source, document in DOCUMENTS.items():
        if (Path(run_dir) / source).is_file():
            shutil.copyfile(Path(run_dir) / source, folder / document[0])
            documents.append(document)
    page = _page(trained, settings, documents)
    (folder / "index.html").write_text(page, encoding="utf-8")
    (folder / "classes.css").write_text(_colors(trained.inputs.classes), encoding="utf-8")


def _save_model(trained, folder, settings):
    heard = [modality for modality in _NAMES if modality in settings]
    names = [f"{modality}_encoder.onnx" for modality in heard] + ["hops.onnx"]
    names = names if settings["is_carried"] else ["model.onnx"]
    names += ["features.onnx"] * ("audio" in heard)
    folder.mkdir()
    with tempfile.TemporaryDirectory() as temporary:
        onnx_files.write(trained, Path(temporary) / "onnx")
        for name in names:
            shutil.copyfile(Path(temporary) / "onnx" / name, folder / name)


def _settings(trained):
    """Says what the page must know of the model to make its inputs and to show its answers."""
    config, inputs = trained.config, trained.inputs
    settings = {
        "title": config.title,
        "classes": list(inputs.classes),
        "hops": description.hop_targets(trained),
        # Frames can be encoded once where no later one changes them.
        "is_carried": not (config.bidirectional or inputs.trim_silence or config.by_speaker),
    }
    for modality in config.modalities:
        settings[modality] = {
            "encoder": _encoder(trained, modality),
            "most": inputs.max_lengths[modality],
            "is_by_speaker": modality in config.by_speaker,
        }
    if "audio" in settings:
        settings["audio"] |= {
            "width": schema.AUDIO_WIDTH,
            "stride": config.audio_stride,
            "rate": audio.SAMPLE_RATE,
            "frame_length": audio.FRAME_LENGTH,
            "frame_step": audio.FRAME_STEP,
            "reach": audio.REACH,
            "window": inputs.max_lengths["audio"] * audio.FRAME_STEP,
            "loudness": silence.loudness_of(inputs.trim_silence, inputs.use_energy),
            "margin": silence.MARGIN,
        }
    if "text" in settings:
        settings["text"] |= {
            "rules": text.rules(trained.unspaced_scripts),
            "unknown": list(inputs.unknown_ids),
        }
    if "video" in settings:
        settings["video"]["width"] = config.video_width
    return settings


def _encoder(trained, modality):
    """Describes what an encoder carries: shapes without the batch, members side by side."""
    config, members = trained.config, len(models.members(trained.model))
    units = getattr(config, f"{modality}_units")
    shape = [getattr(config, f"{modality}_layers") * members, units]
    carried = ("state", "cell") if config.cell == "lstm" else ("state",)
    return {"units": units * members, **dict.fromkeys(carried, shape)}


def _page(trained, settings, documents):
    config, inputs = trained.config, trained.inputs
    hops = [(place, _NAMES[hop]) for place, hop in enumerate(settings["hops"]) if hop in _NAMES]
    return templates.render(
        "deploy/live.html",
        config=config,
        inputs=inputs,
        data=inputs.title,
        has_audio="audio" in settings,
        has_text="text" in settings,
        hops=hops,
        sees_sound="audio" in settings["hops"],
        seconds=_seconds(settings) if "audio" in settings else 0,
        parameters=f"{trained.model.count_params():,}",
        trained_on=sum(inputs.fold.label_counts["train"]),
        score=_score(trained),
        not_fit=(description.SYNTHETIC if inputs.synthetic else "") + description.NOT_FIT,
        notes=_notes(trained, settings),
        documents=documents,
        release=__version__,
        runtime=web_runtime.VERSION,
    )


def _colors(classes):
    """Writes the style sheet of the classes: their colours are those of timelines."""
    rules = (
        f":root {{ --class-{number}: {color}; }} .class-{number} {{ --color: {color}; }}\n"
        for number, color in enumerate(palette.colors(classes))
    )
    return "".join(rules)


def _seconds(settings):
    return settings["audio"]["window"] / settings["audio"]["rate"]


def _score(trained):
    """Returns the unweighted accuracy on test as text, or None where nothing was left to score."""
    if not trained.reports:
        return None
    score = trained.reports["test"]["unweighted_accuracy"]
    numbers = (score["value"], *score["interval_95"], 1 / trained.config.num_classes)
    shown = (f"{number:.3f}" for number in numbers)
    return {
        "utterances": sum(trained.inputs.fold.label_counts["test"]),
        **dict(zip(("value", "low", "high", "chance"), shown)),
    }


def _notes(trained, settings):
    """Lists what a user must know of what the page lets the model hear."""
    inputs, notes = trained.inputs, []
    if "audio" in settings:
        notes.append(
            f"It hears {_seconds(settings):g} s at a time, as in training; then a new window "
            "begins, and the answer starts anew. Each answer is that of amh_tf.predict to the same "
            "sound and words."
        )
    if "video" in settings:
        notes.append("It also reads pictures of the face. The page has none: it answers without.")
    if "text" in settings:
        kind = "recognized words" if inputs.transcripts == "asr" else "reference transcripts"
        notes.append(f"It was trained on {kind}. The page recognizes no speech: type the words.")
    if inputs.trim_silence:
        notes.append(
            "What is before and after all sound within "
            f"{inputs.trim_silence:g} dB of the loudest is left out, as in training."
        )
    if trained.config.by_speaker:
        notes.append(
            "Level and colour of voice and microphone are taken out by mean and deviation: in "
            "training those of all recordings of the speaker, here those of the window alone, "
            "which take a part of its emotion along. It is less accurate so."
        )
    elif "audio" in settings:
        notes.append(
            "Level and colour of your microphone are not taken out. It knows those of the "
            f"recordings of {inputs.title} alone."
        )
    return notes
