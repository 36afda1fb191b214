"""What cuDNN computes, for machines without it: a stand-in of TensorFlow's operation."""

import tensorflow as tf


def recurrence(**given):
    """Stands for `tf.raw_ops.CudnnRNNV3`, with the parameters laid out as Keras gives them.

    GRU: r, z = sigmoid(W x + b + U h + b'), c = tanh(W x + b + r (U h + b')), h' = z h + (1 - z) c.
    LSTM: gates in the order input, forget, cell, output. Rows without a step are refused, as cuDNN
    does; what follows a row's last step is zero.
    """
    sequence, lengths = given["input"], given["sequence_lengths"]
    tf.debugging.assert_positive(lengths)
    h, dim, units = given["input_h"][:, 0], sequence.shape[2], given["input_h"].shape[2]
    is_gru = given["rnn_mode"] == "gru"
    c = tf.zeros_like(h) if is_gru else given["input_c"][:, 0]
    gates = 3 if is_gru else 4
    sizes = [dim * units] * gates + [units * units] * gates + [units] * 2 * gates
    parts = tf.split(given["params"], sizes)
    kernels = [tf.reshape(part, [units, dim]) for part in parts[:gates]]
    recurrent = [tf.reshape(part, [units, units]) for part in parts[gates : 2 * gates]]
    outer, inner = parts[2 * gates : 3 * gates], parts[3 * gates :]
    outputs = []
    for t in range(sequence.shape[1]):
        x = sequence[:, t]
        sums = [tf.matmul(x, w, transpose_b=True) + b for w, b in zip(kernels, outer)]
        own = [tf.matmul(h, u, transpose_b=True) + b for u, b in zip(recurrent, inner)]
        if is_gru:
            r, z = (tf.sigmoid(a + b) for a, b in zip(sums[:2], own[:2]))
            new = z * h + (1 - z) * tf.tanh(sums[2] + r * own[2])
        else:
            i, f, g, o = (a + b for a, b in zip(sums, own))
            cell = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            new = tf.sigmoid(o) * tf.tanh(cell)
        running = (t < lengths)[:, None]
        h = tf.where(running, new, h)
        c = c if is_gru else tf.where(running, cell, c)
        outputs.append(tf.where(running, h, 0.0))
    nothing = tf.zeros([0])
    return tf.stack(outputs, axis=1), h[:, None], c[:, None], nothing, nothing
