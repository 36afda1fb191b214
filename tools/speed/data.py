"""A synthetic data set as long as IEMOCAP's utterances are, written by the package's writer."""

import dataclasses
import hashlib

import numpy as np

from amh_tf import schema
from amh_tf.corpora import source
from amh_tf.data import folds, manifest, writer

VOCABULARY_SIZE = 3000
# Features are windows into a pool of noise: what is drawn anew for each would take longer
# than writing it.
POOL_STEPS = 4096
VERSION = 1  # of the generator: another one must not be taken for the cached set


@dataclasses.dataclass(frozen=True)
class Lengths:
    """Steps of each utterance, `(utterances,)` of int each."""

    audio: np.ndarray
    text: np.ndarray
    video: np.ndarray


def lengths(count, longest=750, seed=1):
    """Draws lengths like IEMOCAP's.

    Args:
        count: Number of utterances.
        longest: Largest number of audio frames; the authors cut at 750. Another one shortens
            or lengthens all in proportion, but for video, which has 25 frames at most.
        seed: Seed of the lengths.
    """
    rng = np.random.default_rng(seed)
    scale = longest / 750
    audio = np.clip(rng.lognormal(np.log(380), 0.55, count), 60, 750) * scale
    audio = np.maximum(audio.astype(int), 1)
    text = np.clip(audio / 33 * rng.uniform(0.6, 1.4, count), 1, 128).astype(int)
    return Lengths(audio, text, np.clip(audio // 33, 1, 25))


def read(count, longest=750, seed=1):
    """Describes a synthetic set, all of it in the train split but eight for dev and test each.

    Returns:
        `amh_tf.corpora.source.Source`.
    """
    splits = ["train"] * count + ["dev"] * 8 + ["test"] * 8
    drawn = lengths(len(splits), longest, seed)
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
                audio=audio[starts[0] : starts[0] + drawn.audio[number]],
                text=rng.integers(2, VOCABULARY_SIZE, drawn.text[number], dtype=np.int32),
                video=video[starts[1] : starts[1] + drawn.video[number]],
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


def fold(folder, count, longest=750, feature_dtype="float32", progress=None):
    """Writes the set to a folder unless it is there already.

    Returns:
        `amh_tf.data.folds.Fold`.
    """
    described = read(count, longest)
    # Four shards at least, because the pipeline reads so many side by side.
    per_shard = max(1, min(256, count // 4))
    written = writer.write(
        described,
        folder,
        records_per_shard=per_shard,
        feature_dtype=feature_dtype,
        progress=progress,
    )
    return folds.choose(written)


def mean_bytes(folder):
    """Returns the mean size of a record in a folder's train split."""
    shards = folds.choose(manifest.load(folder)).select("train")
    return sum(shard.bytes for shard in shards) / sum(shard.records for shard in shards)
