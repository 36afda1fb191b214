"""A model's answers on a split."""

import dataclasses

import numpy as np
import tensorflow as tf

from amh_tf import errors, escaping
from amh_tf.training import halves, step


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What a model said of each utterance.

    Attributes:
        ids: List of utterance ids.
        labels: Class ids, `(utterances,)`.
        probabilities: `(utterances, classes)` float32.
    """

    ids: list
    labels: np.ndarray
    probabilities: np.ndarray


def make_predict_step(model, split=False):
    """Compiles inference: from an input dict to probabilities `(batch, classes)`.

    Args:
        model: `keras.Model` from the input dict to logits.
        split: Whether to compute the halves of a batch side by side.
    """

    forward = step.compiled(model, training=False)

    @tf.function(input_signature=[step.input_signature(model)])
    def predict_step(inputs):
        logits = [forward(part) for part in halves.split(inputs, split)]
        return tf.nn.softmax(tf.cast(tf.concat(logits, axis=0), tf.float32))

    return predict_step


def predict_step_of(run_config, model):
    """Makes the predict step of a run's model, which splits batches as the run's settings say."""
    against = halves.reason_against(run_config.training.batch_split, run_config.model)
    return make_predict_step(model, split=against is None)


def predict(predict_step, batches, advance=None):
    """Runs a model over a data set once.

    Args:
        predict_step: From `make_predict_step` or `predict_step_of`.
        batches: `tf.data.Dataset` of `(inputs, label, id)`.
        advance: Function that is told the number of utterances done, or None.

    Returns:
        `Predictions`.

    Raises:
        ValueError: If a probability is not a number.
    """
    ids, labels, probabilities = [], [], []
    for inputs, label, name in batches:
        probabilities.append(predict_step(inputs).numpy())
        labels.append(label.numpy())
        ids.extend(text.decode() for text in name.numpy())
        if advance:
            advance(len(labels[-1]))
    stacked = np.concatenate(probabilities)
    bad = ~np.isfinite(stacked).all(axis=1)
    if bad.any():
        raise errors.InputError(
            "The model gives probabilities that are not numbers. Expected finite ones. "
            f"Received: NaN for {int(bad.sum())} utterances, the first {ids[bad.argmax()]!r}. "
            "Train again with a smaller --learning_rate, or with --dtype=float32."
        )
    return Predictions(ids, np.concatenate(labels), stacked)


def csv_header(classes):
    """Returns the columns of a predictions file."""
    return ["id", "label", "prediction", *map(escaping.cell, classes)]


def csv_row(name, label, probabilities, classes):
    """Returns one utterance's row of a predictions file, as `csv_header` names it."""
    names = (name, classes[label], classes[int(np.argmax(probabilities))])
    return [*map(escaping.cell, names), *(f"{value:.6g}" for value in probabilities)]
