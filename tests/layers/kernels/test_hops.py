"""All hops in one operation against the paper's equations, derived by TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.layers.kernels import compiled, hops
from tests.layers.kernels.test_attention import plain
from tests.layers.kernels.test_kernels import load_compiled

# Numbers of a vector, steps of a sequence, and which sequence each hop attends to.
SCHEDULES = {
    "one_hop": ((5, 16, 35), (7, 4, 9), [2]),
    "seven_hops": ((5, 16, 35), (7, 4, 9), [2, 0, 1, 2, 0, 1, 2]),
    "two_sequences": ((37, 20), (30, 3), [0, 1, 0, 1]),
    "one_sequence_over_and_over": ((3, 4, 64), (6, 5, 40), [1, 1, 1]),
    "full_size": ((200, 200, 200), (90, 25, 14), [2, 0, 1, 2]),
}


def draw(dims, times, targets, batch=11):
    """Vectors, sequences with gaps and absent rows, masks, weights, and upstream gradients."""
    rng = np.random.default_rng(len(targets))
    # Mostly valid, half valid, and none at all.
    chance = np.resize([0.9, 0.5, 1.0, 0.0], batch)[:, None]
    masks = [rng.random((batch, time)) < np.roll(chance, s) for s, time in enumerate(times)]
    sequences = [rng.standard_normal((batch, t, d)) / d**0.5 for t, d in zip(times, dims)]
    weights = []
    for target in targets:
        query_dim = sum(dims) - dims[target]
        kernel = rng.standard_normal((query_dim, dims[target])) * (3 / query_dim**0.5)
        weights += [kernel, rng.standard_normal(dims[target])]
    vectors = [rng.standard_normal((batch, dim)) for dim in dims]
    upstream = [rng.standard_normal((batch, dim)) for dim in dims]
    upstream += [rng.standard_normal((batch, times[target])) for target in targets]
    return vectors, sequences, masks, weights, upstream


def constants(arrays, dtype):
    return [tf.cast(tf.constant(array), dtype) for array in arrays]


def equations(vectors, sequences, masks, weights, targets):
    """The paper's eq. 2-5, in operations whose gradients TensorFlow knows."""
    now, attended = list(vectors), []
    for target, (kernel, bias) in zip(targets, weights):
        query = tf.concat([v for s, v in enumerate(now) if s != target], axis=1)
        now[target], found = plain(sequences[target], query @ kernel + bias, masks[target])
        attended.append(found)
    return now, attended


def outputs_and_gradients(run, dtype, vectors, sequences, masks, weights, upstream, targets):
    vectors, sequences, weights = (constants(a, dtype) for a in (vectors, sequences, weights))

    def compute(vectors, sequences, weights):
        given = [*vectors, *sequences, *weights]
        with tf.GradientTape() as tape:
            tape.watch(given)
            pairs = list(zip(weights[::2], weights[1::2]))
            last, attended = run(vectors, sequences, masks, pairs, targets)
            found = [*last, *attended]
            wanted = [tf.cast(part, value.dtype) for part, value in zip(upstream, found)]
            loss = tf.add_n(
                [
                    tf.reduce_sum(tf.cast(value * part, tf.float64))
                    for value, part in zip(found, wanted)
                ]
            )
        return found, tape.gradient(loss, given, unconnected_gradients="zero")

    return tf.function(compute)(vectors, sequences, weights)


def require_close(found, expected, tolerance):
    for part, wanted in zip(found, expected, strict=True):
        part, wanted = np.array(part, np.float64), np.array(wanted, np.float64)
        np.testing.assert_allclose(part, wanted, atol=tolerance * max(np.abs(wanted).max(), 1e-30))


@pytest.mark.parametrize("batch", [1, 11, 16])
@pytest.mark.parametrize(("dims", "times", "targets"), SCHEDULES.values(), ids=SCHEDULES)
def test_outputs_and_gradients_are_those_of_the_equations(dims, times, targets, batch):
    load_compiled()
    vectors, sequences, *others = draw(dims, times, targets, batch)
    expected, derived = outputs_and_gradients(
        equations, tf.float64, vectors, sequences, *others, targets
    )
    for sequence, mask in zip(sequences, others[0]):
        sequence[~mask] = np.nan  # nothing there is read
    found, gradients = outputs_and_gradients(
        hops.run, tf.float32, vectors, sequences, *others, targets
    )
    require_close(found, expected, 1e-5)
    require_close(gradients, derived, 1e-5)
    # Only what a hop overwrites unread, and what nobody attends to, has no gradient.
    unused = {targets[0]} | {len(dims) + s for s in range(len(dims)) if s not in targets}
    for number, gradient in enumerate(gradients):
        assert np.any(gradient) == (number not in unused)


@pytest.mark.parametrize("schedule", ["seven_hops", "two_sequences", "full_size"])
def test_half_precision_stays_close(schedule):
    load_compiled()
    dims, times, targets = SCHEDULES[schedule]
    drawn = draw(dims, times, targets)
    expected, derived = outputs_and_gradients(equations, tf.float64, *drawn, targets)
    found, gradients = outputs_and_gradients(hops.run, tf.bfloat16, *drawn, targets)
    assert {part.dtype for part in found[: len(dims)]} == {tf.bfloat16}
    assert {part.dtype for part in found[len(dims) :]} == {tf.float32}
    assert {gradient.dtype for gradient in gradients} == {tf.bfloat16}
    require_close(found, expected, 0.05)
    require_close(gradients, derived, 0.05)


def test_absent_rows_give_zeros():
    load_compiled()
    dims, times, targets = SCHEDULES["seven_hops"]
    drawn = draw(dims, times, targets)
    masks = drawn[2]
    found, gradients = outputs_and_gradients(hops.run, tf.float32, *drawn, targets)
    for s, mask in enumerate(masks):
        absent = ~mask.any(axis=1)
        assert absent.any()
        np.testing.assert_array_equal(found[s].numpy()[absent], 0)
        np.testing.assert_array_equal(gradients[len(dims) + s].numpy()[~mask], 0)


def test_same_bits_on_any_number_of_threads(monkeypatch):
    load_compiled()
    dims, times, targets = SCHEDULES["full_size"]
    drawn = draw(dims, times, targets, batch=33)
    runs = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(compiled, "threads", lambda n=threads: n)
        runs.append(outputs_and_gradients(hops.run, tf.float32, *drawn, targets))
    for found, gradients in runs[1:]:
        for part, first in zip([*found, *gradients], [*runs[0][0], *runs[0][1]], strict=True):
            np.testing.assert_array_equal(part, first)


def test_empty_batch():
    load_compiled()
    dims, times, targets = SCHEDULES["two_sequences"]
    found, gradients = outputs_and_gradients(
        hops.run, tf.float32, *draw(dims, times, targets, batch=0), targets
    )
    assert [part.shape[0] for part in found] == [0] * 6
    for gradient in gradients[4:]:
        np.testing.assert_array_equal(gradient, np.zeros(gradient.shape))


@pytest.mark.parametrize("order", [1, -1])
def test_single_hop_over_many_steps_with_gaps(order):
    """Products that grow or shrink along the steps: what is added up is scaled again or not."""
    rng = np.random.default_rng(5)
    steps = rng.standard_normal((3, 90, 20)) + np.linspace(-2, 2, 90)[::order, None]
    mask = rng.random((3, 90)) < [[0.9], [0.4], [0.0]]
    steps[~mask] = np.nan  # nothing there is read
    sequence = tf.constant(steps, tf.float32)
    vector = tf.constant(0.5 * rng.standard_normal(20) + 0.5, tf.float32)

    def loss_of(context, weights):
        return tf.reduce_sum(context**2 + 100 * context) + tf.reduce_sum(weights**3)

    load_compiled()
    with tf.GradientTape() as tape:
        tape.watch([sequence, vector])
        loss = loss_of(*hops.pool(sequence, mask, vector))
    found = [loss, *tape.gradient(loss, [sequence, vector])]
    precise = [tf.constant(np.nan_to_num(steps)), tf.cast(vector, tf.float64)]
    with tf.GradientTape() as tape:
        tape.watch(precise)
        expected = loss_of(*plain(precise[0], precise[1][None], mask))
    for part, wanted in zip(found, [expected, *tape.gradient(expected, precise)]):
        np.testing.assert_allclose(part, wanted, atol=1e-5 * np.abs(wanted).max())
        assert np.abs(wanted).max() > 0.01


def test_single_hop_in_half_precision_stays_close():
    load_compiled()
    rng = np.random.default_rng(6)
    steps, vector = rng.standard_normal((4, 30, 20)) / 4, rng.standard_normal(20)
    upstream = rng.standard_normal((4, 20))
    found, expected = [], []
    for results, dtype in ((found, tf.bfloat16), (expected, tf.float64)):
        given = constants([steps, vector], dtype)
        with tf.GradientTape() as tape:
            tape.watch(given)
            if dtype == tf.bfloat16:
                context, weights = hops.pool(given[0], None, given[1])
                assert (context.dtype, weights.dtype) == (tf.bfloat16, tf.float32)
            else:
                context, weights = plain(given[0], given[1][None], None)
            loss = tf.reduce_sum(tf.cast(context, tf.float64) * upstream)
        results += [context, weights, *tape.gradient(loss, given)]
    require_close(found, expected, 0.02)


def arguments(dims=(5, 16, 35), times=(7, 4, 9), targets=(2, 0)):
    """Arguments of `compiled.hops`, by name."""
    vectors, sequences, masks, weights, _ = draw(dims, times, targets)
    weights = constants(weights, tf.float32)
    return {
        "vectors": constants(vectors, tf.float32),
        "sequences": constants(sequences, tf.float32),
        "masks": [tf.constant(mask) for mask in masks],
        "kernels": weights[::2],
        "biases": weights[1::2],
        "targets": list(targets),
    }


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("vectors", lambda vectors: [*vectors[:2], vectors[2][:, 1:]], "vectors do not fit"),
        ("vectors", lambda vectors: [vectors[0][1:], *vectors[1:]], "vectors do not fit"),
        ("sequences", lambda steps: [steps[0][0], *steps[1:]], "rank 3"),
        ("sequences", lambda steps: [*steps[:2], steps[2][1:]], "sequences and masks"),
        ("masks", lambda masks: [*masks[:2], masks[2][:, 1:]], "sequences and masks"),
        ("kernels", lambda kernels: [kernels[0][1:], kernels[1]], "weights do not fit"),
        ("kernels", lambda kernels: kernels[::-1], "weights do not fit"),
        ("biases", lambda biases: [biases[0], biases[1][1:]], "weights do not fit"),
        ("targets", lambda targets: [2, 3], "no sequence"),
        ("targets", lambda targets: [-1, 0], "no sequence"),
        ("targets", lambda targets: [2], "target for each hop"),
        ("targets", lambda targets: [2, 0, 1], "target for each hop"),
    ],
)
def test_what_does_not_fit_is_refused(name, change, message):
    load_compiled()
    given = arguments()
    given[name] = change(given[name])
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        compiled.hops(**given)


def test_four_sequences_are_refused():
    load_compiled()
    given = arguments()
    for name in ("vectors", "sequences", "masks"):
        given[name].append(given[name][0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="two or three sequences"):
        compiled.hops(**given)


@pytest.mark.parametrize("wrong", ["outputs", "kernels", "d_vectors", "d_weights", "targets"])
def test_gradients_of_something_else_are_refused(wrong):
    load_compiled()
    given = arguments()
    made = compiled.hops(**given)
    back = {
        "sequences": given["sequences"],
        "masks": given["masks"],
        "kernels": given["kernels"],
        "outputs": made,
        "d_vectors": given["vectors"],
        "d_weights": made[1],
        "targets": given["targets"],
    }
    compiled.hops_gradient(**back)
    if wrong == "outputs":
        back["outputs"] = (made[0][::-1], *made[1:])
    elif wrong == "targets":
        back["targets"] = [2]
    else:
        back[wrong] = back[wrong][::-1]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"fit|target for each hop"):
        compiled.hops_gradient(**back)
