"""The package itself: its training step and its pipeline, as the trainer joins them."""

import itertools
import resource
import time

from amh_tf.training import halves  # isort: skip  (before TensorFlow: it quiets its start)
import keras
import tensorflow as tf

from amh_tf import config
from amh_tf.models import registry
from amh_tf.training import batch_stream, evaluation, startup, step
from tools.speed import data, network


def pad_to_tenths(inputs, longest):
    """Pads a batch to a tenth of the longest utterance, or two tenths, and so on.

    All modalities are padded to the same share: batches have ten shapes in all, for a compiler
    that builds each by itself.

    Args:
        inputs: Input dict of tensors.
        longest: Dict from modality to the number of steps of the longest utterance.
    """
    steps = {name: tf.shape(inputs[name])[1] for name in longest}
    tenths = tf.reduce_max([-(-10 * steps[name] // longest[name]) for name in longest])
    padded = dict(inputs)
    for name, limit in longest.items():
        missing = -(-tenths * limit // 10) - steps[name]
        paddings = [[0, 0], [0, missing], [0, 0]][: inputs[name].shape.rank]
        padded[name] = tf.pad(inputs[name], paddings)
    return padded


class Ours:
    """A model as `amh_tf.train` trains it. Times are in seconds.

    Args:
        folder: Data folder.
        dtype: Precision of the products.
        kernel: As `ModelConfig.kernel`.
        batch_size: Utterances per batch.
        shuffle_megabytes: Size of the shuffle buffer, or None for the trainer's.
        model: One of `network.MODALITIES`.
        modalities: Its modalities, or None for those of the table.
        num_hops: Number of its hops, or None for the model's own.
        reset_after: As `ModelConfig.reset_after`.
        xla_longest: Number of steps of the longest utterance by modality to compile training by
            XLA, as for `pad_to_tenths`; None for TensorFlow's own executor.
    """

    def __init__(
        self,
        folder,
        dtype="float32",
        kernel="auto",
        batch_size=128,
        shuffle_megabytes=None,
        model="amh",
        modalities=None,
        num_hops=None,
        reset_after=False,
        xla_longest=None,
    ):
        modalities = tuple(modalities or network.MODALITIES[model])
        self._settings = {
            "dtype": dtype,
            "kernel": kernel,
            "model": model,
            "modalities": modalities,
            "num_hops": num_hops,
            "reset_after": reset_after,
        }
        self._xla_longest = xla_longest
        startup.prepare("auto", self._config())
        keras.utils.set_random_seed(1)
        self._reader = data.Reader(folder, batch_size, shuffle_megabytes, modalities)
        self._split = halves.reason_against("auto", self._config()) is None
        self._steps = {}  # of training and inference, by the number of hops
        self._batches = {}  # in memory
        self._stream, self._left = None, 0

    def _config(self, num_hops=None):
        settings = self._settings | ({} if num_hops is None else {"num_hops": num_hops})
        return config.ModelConfig(vocabulary_size=network.VOCABULARY_SIZE, **settings)

    def _compiled(self, num_hops=None):
        if num_hops not in self._steps:
            model = registry.build(self._config(num_hops))
            defaults = config.TrainingConfig()
            optimizer = step.make_optimizer(defaults.learning_rate, self._settings["dtype"])
            strategy, norm = tf.distribute.get_strategy(), defaults.clip_norm
            train_step = step.make_train_step(model, optimizer, strategy, norm, split=self._split)
            if self._xla_longest:
                train_step = tf.function(train_step, jit_compile=True, reduce_retracing=True)
            self._steps[num_hops] = (
                train_step,
                evaluation.make_predict_step(model, self._split),
            )
        return self._steps[num_hops]

    def _train(self, batches, num_hops=None):
        train_step, _ = self._compiled(num_hops)
        start = time.perf_counter()
        loss = tf.zeros([])
        for inputs, labels in batches:
            loss += train_step(inputs, labels)
        loss.numpy()
        return time.perf_counter() - start

    def notes(self):
        """Returns the GPU's name, where there is one."""
        gpus = tf.config.list_physical_devices("GPU")
        if not gpus:
            return {}
        return {"GPU": tf.config.experimental.get_device_details(gpus[0]).get("device_name", "?")}

    def train(self, bucketed, epochs=1):
        """Trains some epochs; reading is included."""
        return self._train(self._reader.batches(bucketed, epochs))

    def train_pass(self):
        """Trains one bucketed pass of a stream as long as the trainer's.

        A pass before it uses up what was read while nothing was computed, and each bears its share
        of the opening of the stream.
        """
        if not self._left:
            self._stream, self._left = None, batch_stream.EPOCHS_PER_STREAM
            start = time.perf_counter()
            stream = iter(self._reader.batches(True, self._left))
            self._stream = itertools.chain([next(stream)], stream)
            self._opening = (time.perf_counter() - start) / self._left
        self._left -= 2
        seconds = [
            self._train(itertools.islice(self._stream, self._reader.steps)) for _ in range(2)
        ]
        return seconds[1] + self._opening

    def train_memory(self, count=-1, num_hops=None):
        """Trains on the first batches of a bucketed pass, which are in memory from the first call
        on; -1 for all."""
        if count not in self._batches:
            batches = self._reader.batches(True).take(count)
            if self._xla_longest:
                batches = batches.map(
                    lambda inputs, labels: (pad_to_tenths(inputs, self._xla_longest), labels)
                )
            self._batches[count] = list(batches)
        return self._train(self._batches[count], num_hops)

    def infer(self):
        """Computes probabilities for all utterances; reading is included."""
        _, predict_step = self._compiled()
        start = time.perf_counter()
        for inputs, _ in self._reader.in_order():
            predict_step(inputs).numpy()
        return time.perf_counter() - start

    def read(self, bucketed, epochs=1):
        """Reads some epochs without computing anything."""
        start = time.perf_counter()
        for _, labels in self._reader.batches(bucketed, epochs):
            labels.numpy()
        return time.perf_counter() - start

    def peak_memory(self):
        """Returns the largest resident size so far, in bytes."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
