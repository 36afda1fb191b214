"""A synthetic data set as long as IEMOCAP's utterances are, and how every engine reads it."""

import hashlib

import numpy as np

from amh_tf import config, folders, schema
from amh_tf.corpora import source
from amh_tf.data import folds, manifest, pipeline, writer
from tools.speed import network
from tools.speed.network import VOCABULARY_SIZE

# Features are windows into a pool of noise: drawing each anew would take longer than writing it.
POOL_STEPS = 4096
VERSION = 1  # of the generator: another one must not be taken for the cached set
ORDERS = {"random": False, "bucketed": True}


def lengths(count, longest=750, seed=1):
    """Draws lengths like IEMOCAP's.

    Args:
        count: Number of utterances.
        longest: Largest number of audio frames; the authors cut at 750. Another one shortens
            or lengthens all in proportion, except video, which has 25 frames at most.
        seed: Seed of the lengths.

    Returns:
        Dict from modality to steps, `(count,)` of int.
    """
    rng = np.random.default_rng(seed)
    audio = np.clip(rng.lognormal(np.log(380), 0.55, count), 60, 750) * longest / 750
    audio = np.maximum(audio.astype(int), 1)
    text = np.clip(audio / 33 * rng.uniform(0.6, 1.4, count), 1, 128).astype(int)
    return {"audio": audio, "text": text, "video": np.clip(audio // 33, 1, 25)}


def operations(steps, training=False, model="amh"):
    """Counts the floating-point operations of a model's recurrent layers on valid steps.

    Each step multiplies its input with a `(dim, 3 * units)` matrix and its state with a
    `(units, 3 * units)` one, an LSTM four instead of three, in both directions; a multiplication
    and an addition count as two. Training takes three times as many, less the gradients of audio
    and video features, from which nothing learns. Element-wise work and the hops, together about
    1 %, are left out.

    Args:
        steps: Dict from modality to its number of steps.
        training: Whether to count those of a training step.
        model: One of `network.MODALITIES`.
    """
    count = 0
    gates = {"gru": 3, "lstm": 2 * 4}[network.CELLS[model]]
    for modality in network.MODALITIES[model]:
        dim, units = network.SIZES[modality]
        inputs, states = (2 * steps[modality] * gates * units * width for width in (dim, units))
        kinds = 3 if modality == "text" else 2  # forward, weights, and the inputs' own gradient
        count += kinds * inputs + 3 * states if training else inputs + states
    return count


def _source(count, longest, seed=1):
    """Describes a set, all of it in the train split but eight utterances for dev and test each."""
    splits = ["train"] * count + ["dev"] * 8 + ["test"] * 8
    steps = lengths(len(splits), longest, seed)
    labels = np.random.default_rng([seed, 1]).integers(0, len(schema.PAPER_CLASSES), len(splits))

    def utterances():
        rng = np.random.default_rng([seed, 2])
        audio = rng.standard_normal((POOL_STEPS, schema.AUDIO_WIDTH), np.float32)
        video = np.abs(rng.standard_normal((POOL_STEPS, schema.VIDEO_WIDTH), np.float32))
        for number, label in enumerate(labels):
            starts = rng.integers(0, POOL_STEPS - max(longest, 750), 2)
            yield source.Utterance(
                id=f"u{number:06d}",
                label=int(label),
                audio=audio[starts[0] : starts[0] + steps["audio"][number]],
                text=rng.integers(
                    2, network.VOCABULARY_SIZE, steps["text"][number], dtype=np.int32
                ),
                video=video[starts[1] : starts[1] + steps["video"][number]],
            )

    described = f"speed version {VERSION} count {count} longest {longest} seed {seed}"
    return source.Source(
        name=f"speed set (synthetic, {count} utterances)",
        synthetic=True,
        classes=schema.PAPER_CLASSES,
        widths={"audio": schema.AUDIO_WIDTH, "video": schema.VIDEO_WIDTH},
        vocabulary=tuple(f"w{word}" for word in range(VOCABULARY_SIZE)),
        embedding=None,
        index=tuple(
            source.Entry(id=f"u{number:06d}", label=int(label), splits=(split,))
            for number, (label, split) in enumerate(zip(labels, splits))
        ),
        utterances=utterances,
        fingerprint=hashlib.sha256(described.encode()).hexdigest(),
    )


def write(folder, count, longest=750, feature_dtype="float32", progress=None):
    """Writes a set to a folder unless it is there already."""
    writer.write(
        _source(count, longest),
        folder,
        # Four shards at least, because the pipeline reads so many side by side.
        records_per_shard=max(1, min(256, count // 4)),
        feature_dtype=feature_dtype,
        progress=progress,
    )


def write_batches(folder, batches, batch_size):
    """Writes a pass over a data folder in each order, for libraries that cannot read records.

    Args:
        folder: Data folder.
        batches: Folder to write unless it is there: one with a NumPy file for each batch for each
            of `ORDERS` and for "in_order".
        batch_size: Utterances per batch.
    """
    if batches.exists():
        return
    reader = Reader(folder, batch_size)
    passes = {order: reader.batches(bucketed) for order, bucketed in ORDERS.items()}
    with folders.new_folder(batches) as temporary:
        for order, dataset in (passes | {"in_order": reader.in_order()}).items():
            (temporary / order).mkdir()
            for number, (inputs, labels) in enumerate(dataset.as_numpy_iterator()):
                np.savez(temporary / order / f"{number:04d}.npz", labels=labels, **inputs)


def mean_bytes(folder):
    """Returns the mean size of a record in a folder's train split."""
    shards = folds.choose(manifest.load(folder)).select("train")
    return sum(shard.bytes for shard in shards) / sum(shard.records for shard in shards)


class Reader:
    """Reads a data folder's train split, in the batches that the package trains on.

    Args:
        folder: Data folder.
        batch_size: Utterances per batch.
        shuffle_megabytes: Size of the shuffle buffer, or None for the trainer's.
        modalities: Which modalities the batches hold.
    """

    def __init__(self, folder, batch_size, shuffle_megabytes=None, modalities=schema.MODALITIES):
        self._modalities = modalities
        self._fold = folds.choose(manifest.load(folder))
        self._batch_size = batch_size
        default = config.DataConfig(str(folder)).shuffle_megabytes
        self._shuffle_megabytes = shuffle_megabytes or default
        self._source = pipeline.open_split(self._fold, "train", modalities)
        self._epoch = 0
        self.steps = -(-self._fold.count("train") // batch_size)

    def batches(self, bucketed, epochs=1):
        """Makes the next passes over the split, as the trainer does.

        Args:
            bucketed: Whether batches hold utterances of about the same length.
            epochs: Number of passes.
        """
        self._epoch += epochs
        return pipeline.batches(
            self._fold,
            "train",
            self._batch_size,
            self._modalities,
            seed=1,
            epoch=self._epoch - epochs,
            epochs=epochs,
            bucketing=bucketed,
            shuffle_megabytes=self._shuffle_megabytes,
            source=self._source,
        )

    def in_order(self):
        """Makes one pass as evaluation does: in the order in which the set was written."""
        return pipeline.batches(self._fold, "train", self._batch_size, self._modalities)
