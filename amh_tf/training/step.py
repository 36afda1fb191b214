"""One optimizer step, written for `strategy.run`."""

import keras
import tensorflow as tf

from amh_tf.data import shares
from amh_tf.layers.kernels import choice
from amh_tf.training import adam as fused_adam
from amh_tf.training import halves, losses

# TensorFlow 1's Adam, which the authors used; Keras' default is 1e-7.
ADAM_EPSILON = 1e-8


def make_optimizer(learning_rate, dtype="float32", weight_decay=0.0):
    """Makes Adam with the authors' constants.

    Args:
        learning_rate: Step size, or a `keras.optimizers.schedules.LearningRateSchedule`.
        dtype: Precision of the computation; float16 adds dynamic loss scaling, without which
            its gradients vanish.
        weight_decay: Share of a weight, times the step size, that every step takes away
            (Loshchilov and Hutter, 2019). Biases and word vectors are left alone.

    Returns:
        `keras.optimizers.Optimizer`.
    """
    adam = fused_adam.FusedAdam(
        learning_rate, epsilon=ADAM_EPSILON, weight_decay=weight_decay or None, is_summed=True
    )
    if weight_decay:
        adam.exclude_from_weight_decay(var_names=["bias", "embeddings"])
    return keras.optimizers.LossScaleOptimizer(adam) if dtype == "float16" else adam


def step_size(training, max_steps):
    """Returns the step size of a `TrainingConfig`, or the Keras schedule that it goes by.

    Args:
        training: `amh_tf.config.TrainingConfig`.
        max_steps: Steps after which training ends at the latest.
    """
    if training.schedule != "cosine":
        return training.learning_rate
    warmup = round(training.warmup * max_steps)
    rising = {"initial_learning_rate": training.learning_rate}
    if warmup:
        rising = {
            "initial_learning_rate": training.learning_rate / warmup,
            "warmup_target": training.learning_rate,
            "warmup_steps": warmup,
        }
    return keras.optimizers.schedules.CosineDecay(decay_steps=max(1, max_steps - warmup), **rising)


def input_signature(model):
    """Describes a model's input dict, so that batches of any size share one graph."""
    return {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in model.input.items()}


def forward(model, training):
    """Makes the function that calls a model with the fastest kernel there is."""

    def call(inputs):
        with choice.preferred():
            return model(inputs, training=training)

    return call


def compiled(model, training):
    """Compiles a model's call, so that its graph is built once for both halves of a batch."""
    return tf.function(forward(model, training), input_signature=[input_signature(model)])


def clip_each(gradients, norm):
    """Scales every gradient tensor down to a norm by itself, as the authors do.

    The gradient of the word vectors comes as one slice for each word of the batch. Its norm
    is that of the slices, before those of the same word are added up: so does TensorFlow 1,
    and so it must be to follow the authors' steps. It leaves as a dense tensor, because
    Keras' Adam squares the slices of one word each by itself.
    """
    return [_scaled_down(gradient, norm) for gradient in gradients]


def _scaled_down(gradient, norm):
    # What tf.clip_by_norm does, in one operation that writes the gradient in place of three.
    is_sparse = isinstance(gradient, tf.IndexedSlices)
    values = gradient.values if is_sparse else gradient
    length = tf.sqrt(2.0 * tf.nn.l2_loss(values))
    values *= norm / tf.maximum(length, norm)
    if is_sparse:
        gradient = tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
        return tf.convert_to_tensor(gradient)
    return values


def clip_summed(replica, gradients, norm):
    """Adds up the replicas' gradients and clips the sums, as `clip_each` clips a whole batch's.

    Args:
        replica: `tf.distribute.ReplicaContext`.
        gradients: The replica's share of each gradient.
        norm: Norm to which each sum is clipped.

    Returns:
        List of dense tensors, equal on all replicas.
    """
    sparse = [isinstance(gradient, tf.IndexedSlices) for gradient in gradients]
    squares = [
        tf.reduce_sum(tf.square(g.values)) for g, is_sparse in zip(gradients, sparse) if is_sparse
    ]
    summed = replica.all_reduce("SUM", [*map(tf.convert_to_tensor, gradients), *squares])
    summed, squares = summed[: len(gradients)], iter(summed[len(gradients) :])
    return [
        # The norm of the slices, before those of the same word are added up.
        gradient * norm / tf.maximum(tf.sqrt(next(squares)), norm)
        if is_sparse
        else tf.clip_by_norm(gradient, norm)
        for gradient, is_sparse in zip(summed, sparse)
    ]


def rows_of_replica(replica, inputs, labels, rows, share=None):
    """Takes a replica's rows of what its worker holds of a batch.

    Args:
        replica: `tf.distribute.ReplicaContext`.
        inputs: Dict of tensors with rows first.
        labels: Tensor with rows first.
        rows: Number of rows of the whole batch.
        share: `shares.Share` of the batch that the worker holds, or None for all.

    Returns:
        Inputs and labels of its rows, and their weight in the loss, 1.0 or 0.0.
    """
    number, replicas = replica.replica_id_in_sync_group, replica.num_replicas_in_sync
    first, end = shares.Share(number, 1, replicas).span(rows)
    weight = tf.cast(rows * (number + 1) // replicas > first, tf.float32)
    if share is not None:
        start, _ = share.span(rows)
        first, end = first - start, end - start
    replica_inputs = {name: tensor[first:end] for name, tensor in inputs.items()}
    return replica_inputs, labels[first:end], weight


def make_train_step(
    model,
    optimizer,
    strategy,
    clip_norm,
    loss=losses.PLAIN,
    split=False,
    seed=0,
    share=None,
):
    """Compiles a training step.

    Every replica is given what its worker holds of the batch and takes its rows. Gradients are
    summed over the replicas first and clipped then: clipping each replica's share by itself would
    give other steps than one process with the whole batch.

    Args:
        model: `keras.Model` from the input dict to logits.
        optimizer: From `make_optimizer`.
        strategy: `tf.distribute.Strategy` under which both were made.
        clip_norm: Norm to which each gradient tensor is clipped.
        loss: `losses.Loss`.
        split: Whether to compute the halves of a batch side by side.
        seed: Seed of what the loss draws, beside the step's number.
        share: `shares.Share` of each batch that this worker holds, or None for all.

    Returns:
        Function from `(inputs, labels)`, or `(inputs, labels, rows)` of a share, as the pipeline
        gives them, to the mean loss of the batch, a scalar.
    """
    variables = model.trainable_variables
    # A function keeps the variables of the replica that it was built for.
    call = (compiled if split else forward)(model, training=True)

    def seed_of(part):
        """Returns a seed of the step, the replica and the half of the batch."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        step_seed = tf.stack([tf.cast(seed, tf.int64), tf.cast(optimizer.iterations, tf.int64)])
        return tf.random.experimental.stateless_fold_in(
            tf.random.experimental.stateless_fold_in(step_seed, replica), part
        )

    def replica_step(inputs, labels, rows):
        replica = tf.distribute.get_replica_context()
        replicas = replica.num_replicas_in_sync
        weight = 1.0
        if replicas > 1:
            inputs, labels, weight = rows_of_replica(replica, inputs, labels, rows, share)
        with tf.GradientTape() as tape:
            sums = [
                loss.summed(call(part), part_labels, seed_of(number))
                for number, (part, part_labels) in enumerate(halves.split((inputs, labels), split))
            ]
            mean = weight * tf.add_n(sums) / tf.cast(rows, tf.float32)
            scaled = optimizer.scale_loss(mean)
        gradients = tape.gradient(scaled, variables)
        # Gradients carry the loss scale, if any, until the optimizer takes it out.
        scale = tf.cast(getattr(optimizer, "dynamic_scale", 1.0), tf.float32)
        if replicas > 1:
            gradients = clip_summed(replica, gradients, clip_norm * scale)
        else:
            gradients = clip_each(gradients, clip_norm * scale)
        optimizer.apply(gradients, variables)
        return mean

    specs = [input_signature(model), tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32)]

    @tf.function(input_signature=specs)
    def team_step(inputs, labels, rows):
        means = strategy.run(replica_step, args=(inputs, labels, rows))
        return strategy.reduce("SUM", means, axis=None)

    def train_step(inputs, labels, rows=None):
        return team_step(inputs, labels, tf.size(labels) if rows is None else rows)

    optimizer.build(variables)
    return train_step
