"""A model's answers on a split."""

import numpy as np
import tensorflow as tf

from amh_tf import errors
from amh_tf.runs import predictions
from amh_tf.training import halves, step


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
        `amh_tf.runs.predictions.Predictions`.

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
        raise errors.refusal(
            "The model gives probabilities that are not numbers",
            "finite ones",
            f"NaN for {int(bad.sum())} utterances, the first {ids[bad.argmax()]!r}",
            "Train again with a smaller --learning_rate, or with --dtype=float32.",
        )
    return predictions.Predictions(ids, np.concatenate(labels), stacked)
