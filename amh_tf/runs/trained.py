"""A finished run, read for export."""

import dataclasses

import keras
import numpy as np

from amh_tf import config, errors, feature_kinds, models, schema
from amh_tf.features import text
from amh_tf.runs import opening, run_folder, run_inputs


@dataclasses.dataclass(frozen=True)
class Trained:
    """What an export is made of.

    Attributes:
        run_config: `amh_tf.config.RunConfig` of the run.
        model: `keras.Model` from the input dict to logits. Words that the fold's training part
            does not know have the unknown word's vector, as they have its id in training.
        inputs: What the run noted of its data set.
        reports: Dict from split to report, as in the run's `metrics.json`.
    """

    run_config: config.RunConfig
    model: keras.Model
    inputs: run_inputs.RunInputs
    reports: dict

    @property
    def config(self):
        """The model's `amh_tf.config.ModelConfig`."""
        return self.run_config.model

    @property
    def refusals(self):
        """Dict from each modality that the model reads to its `feature_kinds.refusal`, or None."""
        return {
            modality: feature_kinds.refusal(self.inputs.features, modality)
            for modality in self.config.modalities
        }

    @property
    def unspaced_scripts(self):
        """How texts without spaces were cut, one of `schema.UNSPACED_SCRIPTS`."""
        return text.unspaced_scripts(self.inputs.features)


def read(run_dir, data_dir=None):
    """Reads a finished run.

    Args:
        run_dir: The run's folder.
        data_dir: Where the run's data set is now, to go by what that says of itself today; None
            for what the run has noted.

    Returns:
        `Trained`.

    Raises:
        ValueError: If the run is not finished, comes from another version, or is damaged, or
            its data set cannot be found.
    """
    folder = run_folder.RunFolder(run_dir)
    run_config = folder.load_config()
    model = folder.load_model()
    if not folder.is_finished():
        raise errors.refusal(
            f"{str(run_dir)!r} is not a finished run",
            f"the scores of {' and '.join(run_folder.SCORED_SPLITS)}",
            f"those of {', '.join(folder.load_metrics()) or 'no split'}",
            "Run `python -m amh_tf.train` with the same settings to finish it.",
        )
    _check_weights(folder, model)
    inputs = run_inputs.load(folder.path, run_config, data_dir)
    if inputs.fold is None:
        inputs = run_inputs.of_fold(opening.find_fold(run_config))
    _share_unknown_vector(model, run_config.model, inputs.unknown_ids)
    return Trained(run_config, model, inputs, folder.load_metrics())


def _check_weights(folder, model):
    for weight in model.weights:
        if not np.isfinite(np.asarray(weight)).all():
            raise errors.refusal(
                f"{str(folder.model)!r} is damaged",
                "weights that are numbers",
                f"NaN or infinity in {weight.path!r}",
                "Train the model again.",
            )


def _share_unknown_vector(model, settings, unknown_ids):
    if not unknown_ids or not settings.reads_word_ids():
        return
    for member in models.members(model):
        layer = member.get_layer("word_vectors")
        vectors = np.array(layer.get_weights()[0])
        vectors[list(unknown_ids)] = vectors[schema.UNKNOWN_ID]
        layer.set_weights([vectors])
