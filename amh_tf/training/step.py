"""One optimizer step, written for `strategy.run`."""

import keras
import tensorflow as tf

from amh_tf.training import halves

# TensorFlow 1's Adam, which the authors used; Keras' default is 1e-7.
ADAM_EPSILON = 1e-8


def make_optimizer(learning_rate, dtype="float32"):
    """Makes Adam with the authors' constants.

    Args:
        learning_rate: Step size.
        dtype: Precision of the computation; float16 adds dynamic loss scaling, without which
            its gradients vanish.

    Returns:
        `keras.optimizers.Optimizer`.
    """
    adam = keras.optimizers.Adam(learning_rate, epsilon=ADAM_EPSILON)
    return keras.optimizers.LossScaleOptimizer(adam) if dtype == "float16" else adam


def input_signature(model):
    """Describes a model's input dict, so that batches of any size share one graph."""
    return {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in model.input.items()}


def compiled(model, training):
    """Compiles a model's call, so that its graph is built once for both halves of a batch."""

    @tf.function(input_signature=[input_signature(model)])
    def call(inputs):
        return model(inputs, training=training)

    return call


def clip_each(gradients, norm):
    """Scales every gradient tensor down to a norm by itself, as the authors do.

    The gradient of the word vectors comes as one slice for each word of the batch. Its norm
    is that of the slices, before those of the same word are added up: so does TensorFlow 1,
    and so it must be to follow the authors' steps. It leaves as a dense tensor, because
    Keras' Adam squares the slices of one word each by itself.
    """
    return [tf.convert_to_tensor(tf.clip_by_norm(gradient, norm)) for gradient in gradients]


def make_train_step(model, optimizer, strategy, clip_norm, class_weights=None, split=False):
    """Compiles a training step.

    Gradients are summed over the replicas first and clipped then: clipping each replica's
    share by itself would give other steps than one process with the whole batch.

    Args:
        model: `keras.Model` from the input dict to logits.
        optimizer: From `make_optimizer`.
        strategy: `tf.distribute.Strategy` under which both were made.
        clip_norm: Norm to which each gradient tensor is clipped.
        class_weights: Weight of each class in the loss, or None.
        split: Whether to compute the halves of a batch side by side.

    Returns:
        Function from `(inputs, labels)`, as the pipeline gives them, to the mean loss of the
        batch, a scalar.
    """
    variables = model.trainable_variables
    forward = compiled(model, training=True)
    weights = None if class_weights is None else tf.constant(class_weights, tf.float32)

    def summed_loss(logits, labels):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.reduce_sum(losses if weights is None else losses * tf.gather(weights, labels))

    def replica_step(inputs, labels):
        replica = tf.distribute.get_replica_context()
        replicas = replica.num_replicas_in_sync
        count = replica.all_reduce("SUM", tf.cast(tf.size(labels), tf.float32))
        with tf.GradientTape() as tape:
            losses = [
                summed_loss(forward(part), part_labels)
                for part, part_labels in halves.split((inputs, labels), split)
            ]
            loss = tf.add_n(losses) / count
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, variables)
        if replicas > 1:
            gradients = replica.all_reduce("SUM", gradients)
        # Gradients carry the loss scale, if any, until the optimizer takes it out.
        scale = tf.cast(getattr(optimizer, "dynamic_scale", 1.0), tf.float32)
        gradients = clip_each(gradients, clip_norm * scale)
        # The optimizer sums over the replicas once more.
        gradients = [gradient / replicas for gradient in gradients]
        optimizer.apply(gradients, variables)
        return loss

    labels_spec = tf.TensorSpec([None], tf.int32)

    @tf.function(input_signature=[input_signature(model), labels_spec])
    def train_step(inputs, labels):
        losses = strategy.run(replica_step, args=(inputs, labels))
        return strategy.reduce("SUM", losses, axis=None)

    optimizer.build(variables)
    return train_step
