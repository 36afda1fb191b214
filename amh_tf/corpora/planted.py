"""The planted-cue set: synthetic utterances that only modality hopping can sort out.

In each modality three cues are hidden in noise; each cue shows a tag and a class. A key word
at the start of the text names the right tag. The right cue shows the true class with
probability `RELIABLE`, any other class otherwise; the two other cues show random classes. A
model must therefore pick its cues in audio and video by what the text says, and must weigh
together what it picked from all three modalities. `attainable_accuracy` simulates the best
that can be done.
"""

import hashlib

import numpy as np

from amh_tf import feature_kinds, schema
from amh_tf.corpora import source

PRIOR = np.array(schema.PAPER_CLASS_COUNTS) / sum(schema.PAPER_CLASS_COUNTS)
CLASSES = len(schema.PAPER_CLASSES)
TAGS = 4
CUES = 3
RELIABLE = 0.75

MAX_AUDIO, MAX_TEXT, MAX_VIDEO = 60, 14, 10
CUE_FRAMES = 4  # an audio cue lasts four frames and starts at a multiple of five
CUE_STRIDE = 5

FILLERS = 20
VOCABULARY = (
    schema.PADDING_WORD,
    schema.UNKNOWN_WORD,
    *(f"key{tag}" for tag in range(TAGS)),
    *(f"tag{tag}class{label}" for tag in range(TAGS) for label in range(CLASSES)),
    *(f"filler{index}" for index in range(FILLERS)),
)
FIRST_KEY = VOCABULARY.index("key0")
FIRST_CUE = VOCABULARY.index("tag0class0")
FIRST_FILLER = VOCABULARY.index("filler0")

SIZES = {"train": 3000, "dev": 400, "test": 400}
VERSION = 1  # of the generator: another one must not be taken for the cached set


def _stream(seed, split, index):
    """Gives every utterance its own random stream."""
    return np.random.default_rng([seed, schema.SPLITS.index(split), index])


def _name(split, index):
    return f"{split}_{index:05d}"


def _label(rng):
    return int(rng.choice(CLASSES, p=PRIOR))  # the first that is drawn from a stream


def _entry(seed, split, index):
    # Speakers are names alone: two in each of five sessions, in turn, as in IEMOCAP.
    session = 1 + index % 5
    return source.Entry(
        id=_name(split, index),
        label=_label(_stream(seed, split, index)),
        splits=(split,),
        speaker=f"synthetic{session}{'FM'[index // 5 % 2]}",
        session=f"synthetic{session}",
    )


class _Generator:
    """Draws utterances."""

    def __init__(self, seed):
        self.seed = seed
        # Tags and classes look the same in every planted set, whatever its seed.
        shapes = np.random.default_rng(7)
        self.audio_tags = shapes.standard_normal((TAGS, schema.AUDIO_WIDTH))
        self.audio_classes = shapes.standard_normal((CLASSES, schema.AUDIO_WIDTH))
        self.video_tags = np.abs(shapes.standard_normal((TAGS, schema.VIDEO_WIDTH))) * 0.6
        self.video_classes = np.abs(shapes.standard_normal((CLASSES, schema.VIDEO_WIDTH))) * 0.6
        vectors = shapes.standard_normal((len(VOCABULARY), schema.EMBEDDING_WIDTH))
        self.embedding = (vectors * 0.1).astype(np.float32)

    def utterances(self, sizes):
        for split, count in sizes.items():
            for index in range(count):
                yield self._utterance(_stream(self.seed, split, index), _name(split, index))

    def _utterance(self, rng, name):
        label = _label(rng)
        tags = rng.permutation(TAGS)[:CUES]
        right = int(rng.integers(CUES))
        return source.Utterance(
            id=name,
            label=label,
            audio=self._audio(rng, tags, _shown_classes(rng, label, right)),
            text=_text(rng, tags, right, _shown_classes(rng, label, right)),
            video=self._video(rng, tags, _shown_classes(rng, label, right)),
        )

    def _audio(self, rng, tags, classes):
        length = int(rng.integers(MAX_AUDIO // 2, MAX_AUDIO + 1))
        audio = rng.standard_normal((length, schema.AUDIO_WIDTH), dtype=np.float32) * 0.5
        starts = np.sort(rng.choice(length // CUE_STRIDE, CUES, replace=False)) * CUE_STRIDE
        for start, tag, label in zip(starts, tags, classes):
            audio[start : start + CUE_FRAMES] += self.audio_tags[tag] + self.audio_classes[label]
        return audio

    def _video(self, rng, tags, classes):
        length = int(rng.integers(MAX_VIDEO // 2 + 1, MAX_VIDEO + 1))
        noise = rng.standard_normal((length, schema.VIDEO_WIDTH), dtype=np.float32)
        video = np.abs(noise) * np.float32(0.3)
        for step, tag, label in zip(rng.choice(length, CUES, replace=False), tags, classes):
            video[step] += self.video_tags[tag] + self.video_classes[label]
        return video


def _shown_classes(rng, label, right):
    """Draws the class that each cue of one modality shows."""
    classes = rng.integers(0, CLASSES, CUES)
    wrong = [other for other in range(CLASSES) if other != label]
    classes[right] = label if rng.random() < RELIABLE else rng.choice(wrong)
    return classes


def _text(rng, tags, right, classes):
    length = int(rng.integers(8, MAX_TEXT + 1))
    text = rng.integers(FIRST_FILLER, len(VOCABULARY), length, dtype=np.int32)
    text[0] = FIRST_KEY + tags[right]
    for step, tag, label in zip(1 + rng.choice(length - 1, CUES, replace=False), tags, classes):
        text[step] = FIRST_CUE + tag * CLASSES + label
    return text


def read(seed=1, sizes=None):
    """Describes a planted-cue set; utterances are drawn when they are asked for.

    Args:
        seed: Seed of the utterances. What tags and classes look like does not depend on it.
        sizes: Dict from split to number of utterances. Defaults to `SIZES`.

    Returns:
        `amh_tf.corpora.source.Source`, the same on every machine for the same arguments.
    """
    sizes = dict(SIZES if sizes is None else sizes)
    generator = _Generator(seed)
    described = f"planted version {VERSION} seed {seed} sizes {sorted(sizes.items())}"
    return source.Source(
        name=f"planted-cue set (synthetic, seed {seed})",
        synthetic=True,
        classes=schema.PAPER_CLASSES,
        widths={"audio": schema.AUDIO_WIDTH, "video": schema.VIDEO_WIDTH},
        vocabulary=VOCABULARY,
        embedding=generator.embedding,
        index=tuple(
            _entry(seed, split, index) for split, count in sizes.items() for index in range(count)
        ),
        utterances=lambda: generator.utterances(sizes),
        fingerprint=hashlib.sha256(described.encode()).hexdigest(),
        features={name: {"kind": feature_kinds.SYNTHETIC} for name in schema.MODALITIES},
    )


def attainable_accuracy(num_modalities=3, draws=200_000):
    """Simulates the best possible classifier, which sees the right cues alone.

    Args:
        num_modalities: How many modalities' right cues it sees, 0 to 3.
        draws: Number of simulated utterances.

    Returns:
        Weighted accuracy and unweighted accuracy.
    """
    rng = np.random.default_rng(0)
    labels = rng.choice(CLASSES, draws, p=PRIOR)
    posterior = np.tile(np.log(PRIOR), (draws, 1))
    for _ in range(num_modalities):
        others = (labels + rng.integers(1, CLASSES, draws)) % CLASSES
        cues = np.where(rng.random(draws) < RELIABLE, labels, others)
        agrees = np.arange(CLASSES) == cues[:, None]
        posterior += np.where(agrees, np.log(RELIABLE), np.log((1 - RELIABLE) / (CLASSES - 1)))
    predictions = posterior.argmax(axis=1)
    recalls = [(predictions[labels == label] == label).mean() for label in range(CLASSES)]
    return float((predictions == labels).mean()), float(np.mean(recalls))
