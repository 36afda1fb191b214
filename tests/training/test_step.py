import keras
import numpy as np
import pytest
import tensorflow as tf

from amh_tf import config, models
from amh_tf.training import losses, step

SMALL = {
    "vocabulary_size": 50,
    "audio_width": 20,
    "video_width": 24,
    "embedding_width": 16,
    "audio_units": 6,
    "text_units": 5,
    "video_units": 4,
    "num_hops": 3,
    "audio_dropout": 0.0,
    "text_dropout": 0.0,
    "video_dropout": 0.0,
}


def model_and_inputs(model_inputs, **settings):
    keras.utils.set_random_seed(0)
    model = models.build(config.ModelConfig(**{**SMALL, **settings}))
    return model, model_inputs([9, 0, 4, 7], [5, 2, 1, 3], [3, 1, 0, 3])


def train_step_of(model, optimizer=None, **settings):
    settings = {"clip_norm": 1.0, **settings}
    optimizer = optimizer or step.make_optimizer(1e-3)
    return step.make_train_step(model, optimizer, tf.distribute.get_strategy(), **settings)


def test_each_tensor_is_clipped_by_itself():
    gradients = [tf.constant([3.0, 4.0]), tf.constant([[0.3, 0.4]])]
    clipped = step.clip_each(gradients, 1.0)
    np.testing.assert_allclose(clipped[0], [0.6, 0.8])
    np.testing.assert_allclose(clipped[1], [[0.3, 0.4]])


def test_word_slices_are_clipped_before_they_are_added_up():
    # Two slices (3, 0) and (-3, 0) of one word: their norm is sqrt(18), their sum zero.
    slices = tf.IndexedSlices(
        tf.constant([[3.0, 0.0], [-3.0, 0.0], [0.0, 3.0]]), tf.constant([1, 1, 0]), (2, 2)
    )
    (clipped,) = step.clip_each([slices], 1.0)
    np.testing.assert_allclose(clipped, [[0.0, 1 / np.sqrt(3)], [0.0, 0.0]], atol=1e-6)


def test_update_is_adam_on_clipped_gradients(model_inputs):
    model, inputs = model_and_inputs(model_inputs)
    labels = np.array([0, 1, 2, 3], np.int32)
    before = [np.array(weight) for weight in model.trainable_variables]
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(
            labels, model(inputs), from_logits=True
        )
        loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, model.trainable_variables)
    computed = train_step_of(model, clip_norm=0.05)(inputs, labels)
    np.testing.assert_allclose(computed, loss, rtol=1e-5)
    for old, new, gradient in zip(before, model.trainable_variables, gradients):
        norm = np.linalg.norm(getattr(gradient, "values", gradient))
        gradient = np.asarray(tf.convert_to_tensor(gradient)) * min(1, 0.05 / norm)
        # The first step of Adam (Kingma and Ba, 2015): moments m = g, v = g^2 after the
        # bias correction, which TensorFlow applies to the step and not to epsilon.
        root = np.sqrt(1 - 0.999)
        expected = old - 1e-3 * gradient / (np.abs(gradient) + 1e-8 / root)
        np.testing.assert_allclose(new, expected, atol=2e-5)


def test_class_weights_are_those_of_keras(model_inputs):
    model, inputs = model_and_inputs(model_inputs)
    labels = np.array([0, 1, 1, 6], np.int32)
    weights = np.array([2.0, 0.5, 1, 1, 1, 1, 3.0])
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False
    )
    expected = model.evaluate(inputs, labels, sample_weight=weights[labels], verbose=0)
    computed = train_step_of(model, loss=losses.Loss(weights))(inputs, labels)
    np.testing.assert_allclose(computed, expected, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_adjusted_loss_is_that_of_logits_and_class_shares(model_inputs, smoothing):
    model, inputs = model_and_inputs(model_inputs)
    labels = np.array([0, 1, 1, 6], np.int32)
    counts = np.array([70, 20, 4, 3, 2, 1, 0])
    shares = counts.clip(1) / counts.clip(1).sum()
    expected = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)(
        np.eye(7)[labels], model(inputs) + 0.6 * np.log(shares)
    )
    loss = losses.Loss(class_offsets=losses.class_offsets(counts, 0.6), label_smoothing=smoothing)
    computed = train_step_of(model, loss=loss)(inputs, labels)
    np.testing.assert_allclose(computed, expected, rtol=1e-5)


def test_model_without_features_answers_by_the_adjusted_shares():
    # The best that can be done without features is the classes' own distribution: trained with
    # it all added, a model is left with none.
    labels = np.repeat(np.arange(3, dtype=np.int32), [60, 30, 10])
    counts = np.bincount(labels)
    for strength, expected in ((0.0, [0.6, 0.3, 0.1]), (1.0, [1 / 3] * 3)):
        bias = tf.Variable(tf.zeros([3]))
        loss = losses.Loss(class_offsets=losses.class_offsets(counts, strength))
        for _ in range(300):
            with tf.GradientTape() as tape:
                logits = tf.tile(bias[None], [len(labels), 1])
                value = loss.summed(logits, labels, tf.constant([0, 0])) / len(labels)
            bias.assign_sub(tape.gradient(value, bias))
        np.testing.assert_allclose(tf.nn.softmax(bias), expected, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_learns(dtype, model_inputs):
    model, inputs = model_and_inputs(model_inputs, dtype=dtype)
    train_step = train_step_of(model, step.make_optimizer(1e-2, dtype))
    labels = np.array([0, 1, 2, 6], np.int32)
    found = [float(train_step(inputs, labels)) for _ in range(60)]
    assert np.isfinite(found).all() and found[-1] < 0.3 * found[0]


def test_loss_scale_does_not_change_the_clipping(model_inputs):
    # float32 computation, so that only the scaling differs.
    labels = np.array([0, 1, 2, 6], np.int32)
    weights = []
    for scaled in (False, True):
        model, inputs = model_and_inputs(model_inputs)
        optimizer = keras.optimizers.Adam(1e-3, epsilon=step.ADAM_EPSILON)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        train_step = train_step_of(model, optimizer, clip_norm=0.01)
        for _ in range(3):
            train_step(inputs, labels)
        weights.append(model.get_weights())
    for plain, scaled in zip(*weights):
        np.testing.assert_allclose(plain, scaled, atol=1e-5)


def test_halves_take_the_step_of_the_whole_batch(model_inputs):
    # Three utterances: halves of one and two.
    labels = np.array([0, 1, 6], np.int32)
    weights = []
    for split in (False, True):
        model, inputs = model_and_inputs(model_inputs)
        inputs = {name: value[:3] for name, value in inputs.items()}
        optimizer = keras.optimizers.Adam(1e-3, epsilon=1e-3)
        train_step = train_step_of(model, optimizer, split=split)
        losses = [float(train_step(inputs, labels)) for _ in range(3)]
        weights.append([losses, *model.get_weights()])
    for whole, halves in zip(*weights):
        np.testing.assert_allclose(halves, whole, atol=1e-5)


def test_weights_decay_and_biases_do_not():
    kernel, bias = (keras.Variable(np.ones(3, np.float32), name=n) for n in ("kernel", "bias"))
    optimizer = step.make_optimizer(0.1, weight_decay=0.5)
    optimizer.build([kernel, bias])
    optimizer.apply([tf.zeros(3), tf.zeros(3)], [kernel, bias])
    np.testing.assert_allclose(kernel, 1 - 0.1 * 0.5, rtol=1e-6)
    np.testing.assert_array_equal(bias, np.ones(3))
