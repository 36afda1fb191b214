"""An export of a run: the SavedModel that a server loads, asked without a server."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from amh_tf import config, errors
from amh_tf.api import run

if TYPE_CHECKING:
    from amh_tf.prediction.clip import Clip, Prediction

_FILE = "saved_model.pb"


def served_in(folder: Path) -> Path | None:
    """Returns the newest SavedModel of an export, or None.

    Args:
        folder: The export, its folder of versions, or a SavedModel.
    """
    if (folder / _FILE).is_file():
        return folder
    for parent in (folder / "serving", folder):
        versions = [path for path in parent.glob("*/" + _FILE) if path.parent.name.isdecimal()]
        if versions:
            return max(versions, key=lambda path: int(path.parent.name)).parent
    return None


class ExportedRun(run.Run):
    """What `python -m amh_tf.export` wrote: it predicts from sound and words, and no more.

    Args:
        folder: The SavedModel.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def __repr__(self) -> str:
        return f"<ExportedRun {str(self.folder)!r}>"

    @property
    def config(self) -> config.RunConfig:
        self._lacks("settings")

    @property
    def metrics(self) -> dict[str, Any]:
        self._lacks("scores")

    def evaluate(self, *arguments: Any, **settings: Any) -> dict[str, Any]:
        self._lacks("data set")

    def stream(self, **settings: Any) -> NoReturn:
        self._lacks("encoders that read on from a state")

    def _lacks(self, what) -> NoReturn:
        raise errors.refusal(
            f"{str(self.folder)!r} has no {what}",
            "a run's folder",
            "an export",
            "Load the run itself; the export's model_card.md says what it is worth.",
        )

    def check(self) -> None:
        """Passes: an export has its model."""

    @functools.cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the model's outputs."""
        one = {
            name: np.ones([size or 1 for size in spec.shape], spec.dtype.as_numpy_dtype)
            for name, spec in _inputs(self._signatures["serving_default"]).items()
        }
        answer = self._call("serving_default", one)
        return tuple(name.decode() for name in answer["classes"][0])

    @property
    def _sees(self):
        return "video" in _inputs(self._signatures["serving_default"])

    @functools.cached_property
    def _signatures(self):
        import tensorflow as tf

        loaded = tf.saved_model.load(str(self.folder))
        if "serving_default" not in loaded.signatures or not hasattr(loaded, "model_weights"):
            raise errors.refusal(
                f"{str(self.folder)!r} is not a served model",
                "what `amh_tf.export` writes to serving/",
                f"a SavedModel with {', '.join(loaded.signatures)}",
            )
        self._loaded = loaded  # whose variables live as long as it does
        return loaded.signatures

    def _call(self, name, inputs):
        import tensorflow as tf

        inputs = {key: tf.constant(value) for key, value in inputs.items()}
        try:
            answer = self._signatures[name](**inputs)
        except tf.errors.InvalidArgumentError as error:
            raise errors.InputError(
                f"The export refuses the clip. {str(error).splitlines()[0]}"
            ) from error
        return {key: value.numpy() for key, value in answer.items()}

    def _answers(self, clips: "list[Clip]", settings: dict[str, Any]) -> "list[Prediction]":
        if settings:
            self._lacks(f"use for {', '.join(settings)}")
        if "raw" not in self._signatures:
            raise errors.refusal(
                f"{str(self.folder)!r} takes no recordings",
                "the signature raw, which an export has where its data set says how its "
                "features were made",
                ", ".join(self._signatures),
            )
        return [self._answer(clip) for clip in clips]

    def _answer(self, clip):
        from amh_tf.extraction import reading
        from amh_tf.prediction import clip as prediction_clip

        specs = _inputs(self._signatures["raw"])
        recording, notes, waveform = clip.recording(), [], None
        inputs = {
            name: np.zeros([1, *(size or 0 for size in spec.shape[1:])], spec.dtype.as_numpy_dtype)
            for name, spec in specs.items()
        }
        if "waveform" in specs and recording.audio:
            waveform = reading.sound(recording)
            inputs["waveform"] = waveform[np.newaxis]
            inputs["waveform_length"] = np.array([len(waveform)], np.int32)
        if "transcript" in specs:
            inputs["transcript"] = np.array([clip.text or ""])
            if clip.text is None:
                notes.append("No words are read: an export recognizes none. Pass `text`.")
        if "video" in specs and clip.video:
            notes.append("No video is read: an export takes pictures as features.")
        if waveform is None and not (clip.text and "transcript" in specs):
            raise errors.refusal(
                "The clip holds nothing for the model",
                " or ".join(name for name in ("waveform", "transcript") if name in specs),
                "none of them",
            )
        (probabilities,) = self._call("raw", inputs)["probabilities"]
        return prediction_clip.Prediction(
            data="what the export's model_card.md names",
            classes=self.classes,
            probabilities=dict(zip(self.classes, probabilities.tolist())),
            text=(clip.text or "") if "transcript" in specs else "",
            words=[],
            known=[],
            waveform=waveform,
            frames=None,
            hops=[],
            notes=notes,
        )


def _inputs(signature):
    return signature.structured_input_signature[1]
