"""What several tests need: tiny data sets, in shards and in the authors' layout."""

import amh_tf  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import contextlib
import gc
import os
import pickle
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops

from amh_tf import schema
from amh_tf.corpora import planted, source
from amh_tf.data import folds, writer
from amh_tf.layers.kernels import blocks, compiled
from amh_tf.scores import confusion_plot

REFERENCE = Path(__file__).parent / "reference"
TINY_SIZES = {"train": 40, "dev": 12, "test": 14}

assert amh_tf.__version__
if "PYTEST_XDIST_WORKER" in os.environ:  # one worker for each core: PyTorch's threads would wait
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# A million objects of the libraries, which the collector need not look at ever again.
gc.collect()
gc.freeze()
# Tests make hundreds of thousands of objects of graphs, which stay until their module ends.
gc.set_threshold(100_000, 50, 100)
# As training does. Without a compiler it packs rows, and tests of the compiled kernel are skipped.
with contextlib.suppress(compiled.NotAvailable):
    compiled.load()
BLOCK = blocks.BLOCK


def pytest_configure(config):
    """Makes graphs of quick tests small, and leaves them as they are.

    Each step of a block stands in the graph of each model, and to optimize a graph takes longer
    than it saves. Commands that tests start, and slow tests, do as users' programs do.
    """
    if config.option.markexpr == "not slow":
        blocks.BLOCK = 4
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture(scope="module", autouse=True)
def _release_graphs():
    """Keeps graphs of former tests from slowing down the collector, and from filling memory."""
    yield
    keras.backend.clear_session()
    # TensorFlow registers each gradient of `tf.custom_gradient`, with the graph it stands in, and
    # drops none: a process of the suite grew to five gigabytes, and each collection took seconds.
    registered = ops.gradient_registry._registry
    for name in [name for name in registered if name.startswith("CustomGradient-")]:
        del registered[name]
    gc.collect()
    gc.freeze()  # what is left belongs to libraries: to look at it again takes long


@pytest.fixture(scope="session", autouse=True)
def draw_confusions():
    """Leaves out the pictures of runs, a quarter of a tiny run's time; returns what draws them."""
    draw = confusion_plot.confusion_matrix

    def leave_out(counts, classes, title, path):
        if path.stem.startswith("confusion_matrix"):
            path.write_bytes(b"a picture, in the tests of pictures")
        else:  # of a report
            draw(counts, classes, title, path)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(confusion_plot, "confusion_matrix", leave_out)
        yield draw


@pytest.fixture(scope="session")
def tiny_source():
    return planted.read(seed=3, sizes=TINY_SIZES)


@pytest.fixture(scope="session")
def tiny_data(tiny_source, tmp_path_factory):
    """A data folder with three train shards. Tests must not change it."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    return writer.write(tiny_source, folder, records_per_shard=16)


@pytest.fixture(scope="session")
def tiny_fold(tiny_data):
    return folds.choose(tiny_data)


# What a data set says whose features are as this package makes them.
MADE_HERE = {"audio": {"kind": "mfcc"}, "text": {"kind": "words"}, "video": {"kind": "resnet101"}}
WAV2VEC = {"kind": "other", "description": "my wav2vec_2"}


def utterances_of(read, split):
    """Lists the utterances of one split of a source."""
    splits = [entry.splits[0] for entry in read.index]
    return [u for u, found in zip(read.utterances(), splits, strict=True) if found == split]


def compact_source(count=42, classes=7, name="compact set (synthetic)"):
    """A source with narrow features, classes in turn, three sessions of two speakers."""
    rng = np.random.default_rng(count)
    utterances = [
        source.Utterance(
            id=f"u{i:03d}",
            label=i % classes,
            audio=rng.standard_normal((1 + i % 5, 6)).astype(np.float32),
            text=np.array([2 + i % classes, 2 + i % 11], np.int32),
            video=rng.standard_normal((i % 3, 5)).astype(np.float32),
        )
        for i in range(count)
    ]
    index = tuple(
        source.Entry(
            u.id,
            u.label,
            session=f"s{i // classes % 3}",
            speaker=f"s{i // classes % 3}{'FM'[i // (3 * classes) % 2]}",
        )
        for i, u in enumerate(utterances)
    )
    return source.Source(
        name=name,
        synthetic=True,
        classes=schema.PAPER_CLASSES[:classes],
        widths={"audio": 6, "video": 5},
        vocabulary=tuple(f"word{i}" for i in range(13)),
        embedding=rng.standard_normal((13, 4)).astype(np.float32),
        index=index,
        utterances=lambda: iter(utterances),
        fingerprint=f"compact {count} {classes}",
    )


def write_fold(folder, written, stored=None):
    """Writes a `Source` as the authors' preprocessed fold, noise in the padding."""
    stored = stored or {"audio": 70, "text": 16, "video": 12}
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for split in schema.SPLITS:
        utterances = utterances_of(written, split)
        count = len(utterances)
        arrays = {
            "audio_mfcc": rng.standard_normal((count, stored["audio"], 120)).astype(np.float32),
            "video": rng.standard_normal((count, stored["video"], 2048)).astype(np.float32),
            "nlp_trans": np.zeros((count, stored["text"]), np.int64),
            "audio_seqN": np.array([len(u.audio) for u in utterances]),
            "video_seqN": np.array([len(u.video) for u in utterances]),
            "audio_prosody": np.zeros((count, 35), np.float32),
            "label": np.array([u.label for u in utterances]),
        }
        for index, utterance in enumerate(utterances):
            arrays["audio_mfcc"][index, : len(utterance.audio)] = utterance.audio
            arrays["video"][index, : len(utterance.video)] = utterance.video
            arrays["nlp_trans"][index, : len(utterance.text)] = utterance.text
        for name, array in arrays.items():
            np.save(folder / f"{split}_{name}.npy", array)
    words = {word: index for index, word in enumerate(written.vocabulary)}
    (folder / "dic.pkl").write_bytes(pickle.dumps(words))
    np.save(folder / "W_embedding.npy", written.embedding)
    return folder


@pytest.fixture
def fold(tmp_path):
    """One fold in the authors' layout, which a test may damage."""
    sizes = {"train": 6, "dev": 4, "test": 4}
    return write_fold(tmp_path / "fold01", planted.read(seed=5, sizes=sizes))


@pytest.fixture
def model_inputs():
    """A function that makes random model inputs with given lengths."""

    def make(audio_length, text_length, video_length, widths=(20, 24), vocabulary=50, pad=0):
        rng = np.random.default_rng(1)
        count = len(audio_length)
        steps = [max(1, *lengths) + pad for lengths in (audio_length, text_length, video_length)]
        return {
            "audio": rng.standard_normal((count, steps[0], widths[0])).astype(np.float32),
            "audio_length": np.array(audio_length, np.int32),
            "text": rng.integers(0, vocabulary, (count, steps[1])).astype(np.int32),
            "text_length": np.array(text_length, np.int32),
            "video": rng.standard_normal((count, steps[2], widths[1])).astype(np.float32),
            "video_length": np.array(video_length, np.int32),
        }

    return make


def lengthened(inputs, extra=5):
    """Returns the inputs with `extra` more padding steps, all padding filled with noise."""
    rng = np.random.default_rng(2)
    longer = {}
    for modality in schema.MODALITIES:
        sequence, length = inputs[modality], inputs[f"{modality}_length"]
        shape = (sequence.shape[0], sequence.shape[1] + extra, *sequence.shape[2:])
        if modality == "text":
            noise = rng.integers(1, 50, shape).astype(sequence.dtype)
        else:
            noise = (100 * rng.standard_normal(shape)).astype(sequence.dtype)
        for row, steps in enumerate(length):
            noise[row, :steps] = sequence[row, :steps]
        longer[modality], longer[f"{modality}_length"] = noise, length
    return longer
