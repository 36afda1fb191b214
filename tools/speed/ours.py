"""The package itself: its training step and its pipeline, as the trainer joins them."""

import itertools
import resource
import time

from amh_tf.training import halves  # isort: skip  (before TensorFlow: it quiets its start)
import keras
import numpy as np
import tensorflow as tf

from amh_tf import config
from amh_tf.layers.kernels import compiled
from amh_tf.models import registry
from amh_tf.training import evaluation, startup, step
from tools.speed import data, fixed, reading


class Ours:
    """AMH-N as `amh_tf.train` trains it.

    Args:
        folder: Data folder.
        dtype: Precision of the products.
        batch_split: As `TrainingConfig.batch_split`.
        kernel: As `ModelConfig.kernel`.
        batch_size: Utterances per batch.
        num_hops: Number of hops.
        shuffle_megabytes: Size of the shuffle buffer, or None for the trainer's.
    """

    def __init__(
        self,
        folder,
        dtype="float32",
        batch_split="auto",
        kernel="auto",
        batch_size=128,
        num_hops=7,
        shuffle_megabytes=None,
    ):
        model = self._config(num_hops, dtype, kernel)
        startup.prepare(batch_split, model)
        keras.utils.set_random_seed(1)
        self._reader = reading.Reader(folder, batch_size, shuffle_megabytes)
        self._dtype, self._kernel = dtype, kernel
        self._split = halves.reason_against(batch_split, model) is None
        self._held = {}
        self._stream = None
        self._models = {}
        self._train_step, self._predict_step = self._steps(num_hops)

    @staticmethod
    def _config(num_hops, dtype, kernel):
        return config.ModelConfig(
            vocabulary_size=data.VOCABULARY_SIZE, num_hops=num_hops, dtype=dtype, kernel=kernel
        )

    def _steps(self, num_hops):
        if num_hops not in self._models:
            model = registry.build(self._config(num_hops, self._dtype, self._kernel))
            defaults = config.TrainingConfig()
            optimizer = step.make_optimizer(defaults.learning_rate, self._dtype)
            strategy = tf.distribute.get_strategy()
            self._models[num_hops] = (
                step.make_train_step(
                    model, optimizer, strategy, defaults.clip_norm, split=self._split
                ),
                evaluation.make_predict_step(model, self._split),
            )
        return self._models[num_hops]

    def warm_up(self, bucketed=False, inference=False):
        """Builds the graphs with two batches."""
        if inference:
            for inputs, _ in self._reader.in_order().take(2):
                self._predict_step(inputs).numpy()
        else:
            for inputs, labels in self._reader.batches(0, bucketed).take(2):
                self._train_step(inputs, labels).numpy()
        return {"compiled": compiled.is_loaded()}

    def train(self, epoch, bucketed, epochs=1):
        """Trains some epochs; returns their seconds, reading included."""
        start = time.perf_counter()
        loss = tf.zeros([])
        for inputs, labels in self._reader.batches(epoch, bucketed, epochs):
            loss += self._train_step(inputs, labels)
        loss = float(loss)
        return {"seconds": time.perf_counter() - start, "loss": loss}

    def open_stream(self, epoch, epochs):
        """Opens a stream of bucketed passes for `train_stream`; returns the seconds."""
        self._stream = None
        start = time.perf_counter()
        self._stream = iter(self._reader.batches(epoch, True, epochs))
        first = next(self._stream)
        seconds = time.perf_counter() - start
        self._stream = itertools.chain([first], self._stream)
        return {"seconds": seconds}

    def train_stream(self, steps):
        """Trains on the next batches of the stream; returns the seconds, reading included."""
        start = time.perf_counter()
        loss = tf.zeros([])
        for inputs, labels in itertools.islice(self._stream, steps):
            loss += self._train_step(inputs, labels)
        loss = float(loss)
        return {"seconds": time.perf_counter() - start, "loss": loss}

    def infer(self):
        """Computes probabilities for all utterances; returns the seconds, reading included."""
        start = time.perf_counter()
        for inputs, _ in self._reader.in_order():
            self._predict_step(inputs).numpy()
        return {"seconds": time.perf_counter() - start}

    def hold(self, epoch, bucketed, count=-1, epochs=1):
        """Reads some epochs' batches, or the first of them, into memory."""
        key = f"{epoch} {bucketed}"
        self._held = {key: list(self._reader.batches(epoch, bucketed, epochs).take(count))}
        return key

    def train_held(self, key, num_hops=None):
        """Trains on batches that `hold` has read, with other hops if asked; returns the seconds."""
        train_step = self._steps(num_hops)[0] if num_hops else self._train_step
        start = time.perf_counter()
        loss = tf.zeros([])
        for inputs, labels in self._held[key]:
            loss += train_step(inputs, labels)
        loss = float(loss)
        return {"seconds": time.perf_counter() - start, "loss": loss}

    def train_fixed(self, frames, batch_size, num_hops):
        """Times steps on one batch of equally long utterances; returns seconds a step."""
        train_step, _ = self._steps(num_hops)
        key = ("fixed", frames, batch_size)
        if key not in self._held:
            self._held[key] = fixed.batch(frames, batch_size)
        inputs, labels = self._held[key]
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            train_step(inputs, labels).numpy()
            seconds.append(time.perf_counter() - start)
        return {"seconds": float(np.median(seconds))}

    def read(self, epoch, bucketed, epochs=1):
        """Reads some epochs without computing anything; returns the seconds."""
        start = time.perf_counter()
        for _, labels in self._reader.batches(epoch, bucketed, epochs):
            labels.numpy()
        return {"seconds": time.perf_counter() - start}

    def peak_memory(self):
        """Returns the largest resident size so far, in bytes."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
