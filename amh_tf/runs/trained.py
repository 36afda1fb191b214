"""A finished run, read for export."""

import dataclasses
from pathlib import Path

import keras
import numpy as np

from amh_tf import config, errors, feature_kinds, models, schema
from amh_tf.data import folds
from amh_tf.data import manifest as manifests
from amh_tf.features import text
from amh_tf.runs import run_folder
from amh_tf.training import runs


@dataclasses.dataclass(frozen=True)
class Trained:
    """What an export is made of.

    Attributes:
        run_config: `amh_tf.config.RunConfig` of the run.
        model: `keras.Model` from the input dict to logits. Words that the fold's training part
            does not know have the unknown word's vector, as they have its id in training.
        classes: Class names in the order of the logits.
        vocabulary: Path of the file with one word a line, in the order of the ids.
        fold: `amh_tf.data.folds.Fold` that the run was trained on.
        reports: Dict from split to report, as in the run's `metrics.json`.
    """

    run_config: config.RunConfig
    model: keras.Model
    classes: tuple
    vocabulary: Path
    fold: folds.Fold
    reports: dict

    @property
    def config(self):
        """The model's `amh_tf.config.ModelConfig`."""
        return self.run_config.model

    @property
    def max_lengths(self):
        """Dict from modality to the number of steps that the features were cut to."""
        recipe = self.features or {}
        return {**schema.MAX_LENGTHS, **recipe.get("max_lengths", {})}

    @property
    def trim_silence(self):
        """Decibels by which silence around an utterance was left out; 0 for none."""
        return float(feature_kinds.record(self.features, "audio").get("trim_silence", 0.0))

    @property
    def use_energy(self):
        """Whether the first coefficient of the audio features is the frame's energy."""
        return bool(feature_kinds.record(self.features, "audio").get("use_energy", False))

    @property
    def features(self):
        """How the data set says that its features were made; see `feature_kinds`."""
        return self.fold.manifest.features

    @property
    def refusals(self):
        """Dict from each modality that the model reads to its `feature_kinds.refusal`, or None."""
        return {
            modality: feature_kinds.refusal(self.features, modality)
            for modality in self.config.modalities
        }

    @property
    def unspaced_scripts(self):
        """How texts without spaces were cut, one of `schema.UNSPACED_SCRIPTS`."""
        return text.unspaced_scripts(self.features)


def read(run_dir, data_dir=None):
    """Reads a finished run.

    Args:
        run_dir: The run's folder.
        data_dir: Where the run's data set lies now, if it has moved.

    Returns:
        `Trained`.

    Raises:
        ValueError: If the run is not finished, comes from another version, or is damaged, or
            its data set cannot be found.
    """
    folder = run_folder.RunFolder(run_dir)
    run_config = folder.load_config()
    model = folder.load_model()
    if not runs.is_finished(folder):
        raise errors.InputError(
            f"{str(run_dir)!r} is not a finished run. Expected the scores of "
            f"{' and '.join(runs.SCORED_SPLITS)}. Received: those of "
            f"{', '.join(folder.load_metrics()) or 'no split'}. Run `python -m amh_tf.train` with "
            "the same settings to finish it."
        )
    _check_weights(folder, model)
    fold = runs.find_fold(run_config, data_dir)
    manifest = fold.manifest
    _share_unknown_vector(model, run_config.model, fold.known_words())
    return Trained(
        run_config=run_config,
        model=model,
        classes=tuple(manifest.classes),
        vocabulary=_vocabulary(manifest),
        fold=fold,
        reports=folder.load_metrics(),
    )


def _check_weights(folder, model):
    for weight in model.weights:
        if not np.isfinite(np.asarray(weight)).all():
            raise errors.InputError(
                f"{str(folder.model)!r} is damaged. Expected weights that are numbers. Received: "
                f"NaN or infinity in {weight.path!r}. Train the model again."
            )


def _share_unknown_vector(model, settings, known_words):
    if known_words is None or "text" not in settings.modalities:
        return
    for member in models.members(model):
        layer = member.get_layer("word_vectors")
        vectors = np.array(layer.get_weights()[0])
        vectors[~known_words] = vectors[schema.UNKNOWN_ID]
        layer.set_weights([vectors])


def _vocabulary(manifest):
    path = manifest.path(manifest.vocabulary_file)
    try:
        words = path.read_bytes().removesuffix(b"\n").split(b"\n")
        received = f"{len(words)} lines"
    except OSError as error:
        words, received = [], error.strerror or str(error)
    if len(words) != manifest.vocabulary_size:
        raise errors.InputError(
            f"{str(path)!r} is not the vocabulary of the data set. Expected "
            f"{manifest.vocabulary_size} words, one a line. Received: {received}. "
            f"{manifests.REMEDY}"
        )
    return path
