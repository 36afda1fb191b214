"""The parsers that `tools.fuzz` feeds: what is in the folder of a run, and served requests."""

import dataclasses
import functools
import io
import json
import zipfile

import keras
import numpy as np
import scipy.io.wavfile
import tensorflow as tf

from amh_tf import config, models, progress, schema
from amh_tf.corpora import source
from amh_tf.data import folds, records, writer
from amh_tf.deploy import examples, limits, raw_inputs
from amh_tf.reporting import gather
from amh_tf.runs import model_file, run_folder, run_inputs
from amh_tf.scores import metrics, score_tables
from amh_tf.training import absence, checkpoints, environment
from tests import conftest
from tests.data import damages
from tests.reporting import crossvals
from tools.fuzz_target import Target, of_file

LIMITS = limits.Limits(schema.MAX_LENGTHS)
UNITS = {f"{modality}_units": 3 for modality in schema.MODALITIES}
MODEL = config.ModelConfig(
    vocabulary_size=9, audio_width=3, video_width=2, embedding_width=2, num_hops=2, **UNITS
)
RUN = config.RunConfig(
    config.DataConfig("data", "given"), MODEL, config.TrainingConfig(), "fingerprint"
)
# Loading takes time for each layer.
SMALL = dataclasses.replace(MODEL, model="rnn_attn", modalities=("text",), num_hops=None)
SMALL = dataclasses.replace(SMALL, cell="gru", bidirectional=False)


def data_folder(folder, records_per_shard=12, change=lambda read: read):
    """Writes a small data set into a folder; returns its manifest.

    Args:
        folder, records_per_shard: Where, and as for `writer.write`.
        change: Function of the `Source` that gives what is written.
    """
    utterances = change(conftest.compact_source())
    return writer.write(utterances, folder / "data", records_per_shard, protocols=["session"])


def _reports():
    """Returns what `metrics.json` holds of one split, as JSON."""
    groups = {"speakers": ["s", "t", "t"], "sexes": ["female", "male", "male"]}
    groups["sentences"] = ["dogs"] * 3
    return metrics.report(np.array([0, 1, 1]), np.eye(2)[[0, 1, 0]], ("ang", "exc"), **groups)


def _in_run(name, seed, read, folder):
    """Damages a file of text of a run; `seed` makes it, `read` is given the run's folder."""
    run = run_folder.RunFolder(folder)
    return of_file(folder / name, lambda _: read(run), seed().encode(), text=True)


def _read_metrics(run):
    with progress.console.capture():
        score_tables.print_reports(run.load_metrics())


def _read_predictions(run):
    np.array([probabilities for *_, probabilities in run.load_predictions(("ang", "exc"))])


def _dropped(folder):
    report = _reports()
    seed = json.dumps({"test": {"audio+text": report}, "dev": {"audio": report}}).encode()

    def read(path):
        absence.save(path.parent, MODEL, "test", {"audio": report})

    return of_file(folder / absence.SCORES_FILE, read, seed, text=True)


def _environment(folder):
    described = environment.describe("packed")
    seed = json.dumps({"environments": [described, {**described, "threads": 9}]}).encode()

    def read(_):
        environment.tell(environment.record(folder, described))

    return of_file(folder / environment.FILE_NAME, read, seed, text=True)


def _crossval(name, folder):
    runs = folder / "runs"
    crossvals.write(runs / "amh_7", crossvals.answers(utterances=12, folds=2), num_folds=2)
    path = runs / "amh_7" / name
    # The two files are compared with each other.
    return of_file(path, lambda _: gather.gather(runs), text=True, named=(str(path.parent),))


def _model(folder):
    run = run_folder.RunFolder(folder)
    run.start(dataclasses.replace(RUN, model=SMALL))
    run.save_model(models.build(SMALL, None))
    return of_file(run.model, lambda _: run.load_model())


def _weights(folder):
    """Damages weights behind the checksum of the zip file."""

    def build():  # a fifth of the damaged weights are read, and then a model is built: a small one
        inputs = keras.Input((2,))
        hidden = keras.layers.Dense(3, name="hidden")(inputs)
        return keras.Model(inputs, keras.layers.Dense(2, name="logits")(hidden))

    path = folder / "model.keras"
    build().save(path)
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}

    def read(weights):
        with zipfile.ZipFile(path, "w") as file:
            for name, content in {**members, model_file.WEIGHTS: weights}.items():
                file.writestr(name, content)
        model_file.load(path, build)

    return Target([members[model_file.WEIGHTS]], read, named=(path.name,))


def _run_inputs(name, folder):
    data = data_folder(folder)
    run_inputs.save(folder / "run", folds.choose(data))
    sizes = {"vocabulary_size": data.vocabulary_size, "num_classes": len(data.classes)}
    sizes |= {f"{modality}_width": width for modality, width in data.widths.items()}
    of_data = dataclasses.replace(RUN, model=dataclasses.replace(MODEL, **sizes))

    def read(path):
        inputs = run_inputs.load(path.parent, of_data)
        ids = inputs.word_table()
        if not all(0 <= number < data.vocabulary_size for number in ids.values()):
            raise AssertionError(ids)
        f"{inputs}".encode()

    return of_file(folder / "run" / name, read, text=True)


def _checkpoint(pattern, folder):
    """Damaged, not forged: with a SHA-256 to match, TensorFlow would get to parse it."""
    folder = folder / "checkpoints"
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    saved = checkpoints.Checkpoints(folder, model, optimizer)
    saved.save({"step": 1})
    (path,) = folder.glob(pattern)

    def read(_):
        if saved.restore() != {"step": 1}:
            raise AssertionError("counters that were never saved")

    # All that can be done with a damaged file is to delete the folder.
    return of_file(path, read, text=pattern == checkpoints.NEWEST_FILE, named=(folder.name,))


# TensorFlow's errors are what the graph refuses with; it puts bytes of the input into its messages.
_REFUSED = (tf.errors.OpError, UnicodeDecodeError)


def _graph(function):
    return tf.function(function, input_signature=[tf.TensorSpec([None], tf.string)])


def _request_example(folder):
    """Damages an Example that a client sends."""
    audio, video = np.ones((2, MODEL.audio_width)), np.ones((1, MODEL.video_width))
    utterance = source.Utterance("u1", 2, audio, np.array([2, 3]), video)
    parse = _graph(lambda serialized: examples.parse(serialized, MODEL, LIMITS))
    widths = {"audio": MODEL.audio_width, "video": MODEL.video_width}
    seeds = [records.encode(utterance, widths), damages.SIXTEEN_GIGABYTES]
    return Target(seeds, lambda data: parse(tf.constant([data])), allowed=_REFUSED)


def _request_wav(folder):
    """Damages a WAV file that a client sends; the answer must be numbers."""
    sound = io.BytesIO()
    scipy.io.wavfile.write(sound, 16000, (1000 * np.sin(np.arange(1200))).astype(np.int16))
    features = _graph(raw_inputs.Sound(LIMITS, most=20).from_wav_bytes)

    def read(data):
        steps, length = features(tf.constant([data]))
        if not np.isfinite(steps).all() or length[0] > 20:
            raise AssertionError("features that are none")

    return Target([sound.getvalue()], read, allowed=_REFUSED)


def _request_words(folder):
    """Damages a transcript that a client sends."""
    (folder / "words.txt").write_text("_PAD_\n_UNK_\nhello\nworld\n")
    words = _graph(raw_inputs.Words(str(folder / "words.txt"), LIMITS, 5).ids)

    def read(data):
        ids, length = words(tf.constant([data]))
        if not (0 <= length[0] <= 5) or (np.asarray(ids) > 3).any():
            raise AssertionError("words that are none")

    seeds = [b"Hello, world!", "世界 hello".encode()]
    return Target(seeds, read, text=True, allowed=_REFUSED[:1])


_PREDICTIONS = "id,label,prediction,ang,exc\nu1,ang,exc,0.25,0.75\nu2,exc,exc,0.1,0.9\n"
_bind = functools.partial
TARGETS = {
    "environment": _environment,
    "request_wav": _request_wav,
    "request_words": _request_words,
    "request_example": _request_example,
    "run_config": _bind(_in_run, "config.json", RUN.to_json, lambda run: run.load_config()),
    "metrics": _bind(
        _in_run,
        "metrics.json",
        lambda: json.dumps({"dev": _reports(), "test": _reports()}),
        _read_metrics,
    ),
    "metrics_dropped": _dropped,
    "predictions": _bind(_in_run, "predictions.csv", lambda: _PREDICTIONS, _read_predictions),
    "run_inputs": _bind(_run_inputs, "inputs.json"),
    "run_vocabulary": _bind(_run_inputs, "vocabulary.txt"),
    "crossval": _bind(_crossval, "crossval.json"),
    "crossval_predictions": _bind(_crossval, "predictions.csv"),
    "model": _model,
    "model_weights": _weights,
    "checkpoint_name": _bind(_checkpoint, checkpoints.NEWEST_FILE),
    "checkpoint_index": _bind(_checkpoint, "*.index"),
    "checkpoint_data": _bind(_checkpoint, "*.data-*"),
}
