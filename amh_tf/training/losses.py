"""What a training step makes small: cross-entropy, and what a recipe changes in it."""

import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Loss:
    """Cross-entropy of a batch.

    Attributes:
        class_weights: Weight of each class, `(classes,)`, or None.
        class_offsets: What is added to the logits, `(classes,)`, or None: see `class_offsets`.
        label_smoothing: As for `smoothed`.
        mixup: Concentration for `mix`, or 0 for none.
    """

    class_weights: object = None
    class_offsets: object = None
    label_smoothing: float = 0.0
    mixup: float = 0.0

    def summed(self, logits, labels, seed):
        """Computes the sum over the rows.

        Args:
            logits: `(batch, classes)`.
            labels: `(batch,)` integers.
            seed: Integer tensor of shape `(2,)`, of what is drawn.

        Returns:
            Scalar, float32.
        """
        if self.class_offsets is not None:
            logits += tf.constant(self.class_offsets, logits.dtype)
        weights = self.class_weights
        if weights is not None:
            weights = tf.constant(weights, tf.float32)
        if not (self.label_smoothing or self.mixup):
            rows = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            return tf.reduce_sum(rows if weights is None else rows * tf.gather(weights, labels))
        targets = tf.one_hot(labels, logits.shape[-1])
        if self.mixup:
            logits, targets = mix(logits, targets, self.mixup, seed)
        rows = smoothed(logits, targets, self.label_smoothing)
        if weights is not None:
            rows *= tf.linalg.matvec(targets, weights)
        return tf.reduce_sum(rows)


PLAIN = Loss()


def of_training(training, counts):
    """Makes the `Loss` that a `TrainingConfig` asks for.

    Args:
        training: `amh_tf.config.TrainingConfig`.
        counts: Utterances of each class in the training part, `(classes,)`.
    """
    balanced, adjusted = training.class_weight == "balanced", training.logit_adjustment
    return Loss(
        balanced_weights(counts) if balanced else None,
        class_offsets(counts, adjusted) if adjusted else None,
        training.label_smoothing,
        training.mixup,
    )


def balanced_weights(counts):
    """Weighs classes by their inverse frequency, as scikit-learn's "balanced".

    Args:
        counts: Utterances of each class, `(classes,)`; a class without any never enters the loss.

    Returns:
        `(classes,)`.
    """
    return counts.sum() / (len(counts) * counts.clip(min=1))


def class_offsets(counts, strength):
    """Returns what is added to the logits in training, so that rare classes are not passed over.

    A model that is trained so answers, without the offsets, as if the classes were more alike in
    number: wholly alike at a strength of 1.

    Args:
        counts: Utterances of each class, `(classes,)`.
        strength: Times of the logarithm of each class's share.

    Returns:
        `(classes,)`.

    Reference:
     - Menon et al., "Long-tail learning via logit adjustment", ICLR 2021
    """
    present = counts.clip(min=1)
    return strength * np.log(present / present.sum())


def smoothed(logits, targets, smoothing=0.0):
    """Computes the cross-entropy of each row.

    Args:
        logits: `(batch, classes)`.
        targets: Distributions over the classes, `(batch, classes)`.
        smoothing: Share of each that is spread over all classes.

    Returns:
        `(batch,)` float32.

    Reference:
     - Szegedy et al., CVPR 2016, section 7
    """
    targets = (1 - smoothing) * targets + smoothing / logits.shape[-1]
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def mix(logits, targets, concentration, seed):
    """Mixes every utterance with another one, before the last layer.

    The last layer is linear: to mix the logits is to mix the vectors that it is given, whatever
    the lengths of the utterances and the number of modalities.

    Args:
        logits, targets: `(batch, classes)`.
        concentration: Parameter of the beta distribution of the share of the first.
        seed: Integer tensor of shape `(2,)`.

    Returns:
        Logits and targets of the same shapes.

    Reference:
     - Zhang et al., "mixup", ICLR 2018; Verma et al., "Manifold Mixup", ICML 2019
    """
    seeds = tf.unstack(tf.random.split(seed, 3))
    rows = tf.shape(logits)[:1]
    first, second = (
        tf.random.stateless_gamma(rows, part_seed, alpha=concentration) for part_seed in seeds[:2]
    )
    # Tiny concentrations give two zeros at times: then nothing is mixed.
    share = tf.where(first + second > 0, tf.math.divide_no_nan(first, first + second), 1.0)
    order = tf.random.experimental.stateless_shuffle(tf.range(rows[0]), seeds[2])
    share = share[:, None]
    return tuple(
        share * tensor + (1 - share) * tf.gather(tensor, order) for tensor in (logits, targets)
    )
