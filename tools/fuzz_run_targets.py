"""Parsers of what lies in the folder of a run, or of a cross-validation."""

import dataclasses
import importlib
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
from tools import damages, fuzz_target

LIMITS = limits.Limits(schema.MAX_LENGTHS)


def _run_config():
    return config.RunConfig(
        config.DataConfig("data", "given"),
        config.ModelConfig(
            vocabulary_size=9,
            audio_width=3,
            video_width=2,
            embedding_width=2,
            audio_units=3,
            text_units=3,
            video_units=3,
            num_hops=2,
        ),
        config.TrainingConfig(),
        "fingerprint",
    )


def _small_run_config():
    """Of the model with the fewest layers: loading takes time for each of them."""
    whole = _run_config()
    small = dataclasses.replace(
        whole.model,
        model="rnn_attn",
        modalities=("text",),
        num_hops=None,
        cell="gru",
        bidirectional=False,
    )
    return dataclasses.replace(whole, model=small)


def _config(folder):
    run = run_folder.RunFolder(folder)
    seed = _run_config().to_json().encode()
    path = folder / "config.json"
    return fuzz_target.of_file([seed], path, lambda _: run.load_config(), text=True)


def _reports():
    """Returns what `metrics.json` holds of one split, as JSON."""
    told = {"speakers": ["s", "t", "t"], "sexes": ["female", "male", "male"]}
    told["sentences"] = ["dogs"] * 3
    return metrics.report(np.array([0, 1, 1]), np.eye(2)[[0, 1, 0]], ("ang", "exc"), **told)


def _metrics(folder):
    run = run_folder.RunFolder(folder)
    seed = json.dumps({"dev": _reports(), "test": _reports()}).encode()

    def parse(_):
        with progress.console.capture():
            score_tables.print_reports(run.load_metrics())

    return fuzz_target.of_file([seed], folder / "metrics.json", parse, text=True)


def _predictions(folder):
    seed = b"id,label,prediction,ang,exc\nu1,ang,exc,0.25,0.75\nu2,exc,exc,0.1,0.9\n"
    run = run_folder.RunFolder(folder)

    def parse(path):
        rows = run.load_predictions(("ang", "exc"))
        np.array([probabilities for *_, probabilities in rows])

    return fuzz_target.of_file([seed], folder / "predictions.csv", parse, text=True)


def _crossval(name):
    def target(folder):
        written = importlib.import_module("tests.reporting.crossvals")
        runs = folder / "runs"
        written.write(runs / "amh_7", written.answers(utterances=12, folds=2), num_folds=2)
        path = runs / "amh_7" / name
        # The two files are compared with each other.
        named = (str(path.parent),)
        return fuzz_target.of_file(
            [path.read_bytes()], path, lambda _: gather.gather(runs), True, named
        )

    return target


def _model(part=None):
    """Damages the zip file, or one of its members with a right checksum around it."""

    def target(folder):
        run = run_folder.RunFolder(folder)
        run.start(_small_run_config())
        run.save_model(models.build(_small_run_config().model, None))
        return _model_file(run.model, part, lambda _: run.load_model())

    return target


def _weights(folder):
    """A fifth of the damaged weights are other numbers: then the model is built, so a small one."""

    def build():
        inputs = keras.Input((2,))
        hidden = keras.layers.Dense(3, name="hidden")(inputs)
        return keras.Model(inputs, keras.layers.Dense(2, name="logits")(hidden))

    path = folder / "model.keras"
    build().save(path)
    return _model_file(path, model_file.WEIGHTS, lambda path: model_file.load(path, build))


def _model_file(path, part, load):
    if part is None:
        return fuzz_target.of_file([path.read_bytes()], path, load)
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}

    def parse(data):
        with zipfile.ZipFile(path, "w") as file:
            for name, content in {**members, part: data}.items():
                file.writestr(name, content)
        load(path)

    return fuzz_target.Target([members[part]], parse, named=(path.name,))


def _run_inputs(name):
    def target(folder):
        data = writer.write(conftest.compact_source(), folder / "data", 12, protocols=["session"])
        fold = folds.choose(data)
        run_inputs.save(folder / "run", fold)
        model = dataclasses.replace(
            _run_config().model,
            vocabulary_size=data.vocabulary_size,
            num_classes=len(data.classes),
        )
        of_data = dataclasses.replace(_run_config(), model=model)

        def parse(path):
            found = run_inputs.load(path.parent, of_data)
            ids = found.word_table()
            if not all(0 <= number < data.vocabulary_size for number in ids.values()):
                raise AssertionError(ids)
            f"{found}".encode()

        path = folder / "run" / name
        return fuzz_target.of_file([path.read_bytes()], path, parse, text=True)

    return target


def _dropped(folder):
    report = _reports()
    seed = json.dumps({"test": {"audio+text": report}, "dev": {"audio": report}}).encode()

    def parse(path):
        absence.save(path.parent, _run_config().model, "test", {"audio": report})

    return fuzz_target.of_file([seed], folder / absence.SCORES_FILE, parse, text=True)


def _checkpoint(pattern):
    """Damaged, not forged: with a SHA-256 to match, TensorFlow would get to parse it."""

    def target(folder):
        folder = folder / "checkpoints"
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        optimizer = keras.optimizers.Adam()
        optimizer.build(model.trainable_variables)
        made = checkpoints.Checkpoints(folder, model, optimizer)
        made.save({"step": 1})
        (path,) = folder.glob(pattern)

        def parse(_):
            if made.restore() != {"step": 1}:
                raise AssertionError("counters that were never saved")

        text = pattern == checkpoints.NEWEST_FILE
        # All that can be done with a damaged file is to delete the folder.
        return fuzz_target.of_file([path.read_bytes()], path, parse, text, named=(folder.name,))

    return target


def _request_example(folder):
    """Damages an Example that a client sends; the graph refuses with TensorFlow's errors."""
    settings = _run_config().model
    audio, video = np.ones((2, settings.audio_width)), np.ones((1, settings.video_width))
    utterance = source.Utterance("u1", 2, audio, np.array([2, 3]), video)
    parse = tf.function(
        lambda serialized: examples.parse(serialized, settings, LIMITS),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    # TensorFlow puts bytes of the Example into its messages.
    refused = (tf.errors.OpError, UnicodeDecodeError)
    seeds = [records.encode(utterance), damages.SIXTEEN_GIGABYTES]
    return fuzz_target.Target(seeds, lambda data: parse(tf.constant([data])), allowed=refused)


def _request_wav(folder):
    """Damages a WAV file that a client sends; what is answered must be numbers."""
    sound = io.BytesIO()
    scipy.io.wavfile.write(sound, 16000, (1000 * np.sin(np.arange(1200))).astype(np.int16))

    heard = raw_inputs.Sound(LIMITS, most=20)
    features = tf.function(heard.from_wav_bytes, [tf.TensorSpec([None], tf.string)])

    def parse(data):
        found, length = features(tf.constant([data]))
        if not np.isfinite(found).all() or length[0] > 20:
            raise AssertionError("features that are none")

    # TensorFlow puts bytes of the file into its messages.
    refused = (tf.errors.OpError, UnicodeDecodeError)
    return fuzz_target.Target([sound.getvalue()], parse, allowed=refused)


def _request_words(folder):
    """Damages a transcript that a client sends."""
    (folder / "words.txt").write_text("_PAD_\n_UNK_\nhello\nworld\n")
    words = raw_inputs.Words(str(folder / "words.txt"), LIMITS, 5)
    ids = tf.function(words.ids, input_signature=[tf.TensorSpec([None], tf.string)])

    def parse(data):
        found, length = ids(tf.constant([data]))
        if not (0 <= length[0] <= 5) or (np.asarray(found) > 3).any():
            raise AssertionError("words that are none")

    seeds = [b"Hello, world!", "世界 hello".encode()]
    return fuzz_target.Target(seeds, parse, text=True, allowed=(tf.errors.OpError,))


def _environment(folder):
    described = environment.describe("packed")
    seed = json.dumps({"environments": [described, {**described, "threads": 9}]}).encode()

    def parse(_):
        environment.tell(environment.record(folder, described))

    return fuzz_target.of_file([seed], folder / environment.FILE_NAME, parse, text=True)


TARGETS = {
    "environment": _environment,
    "request_wav": _request_wav,
    "request_words": _request_words,
    "run_config": _config,
    "metrics": _metrics,
    "metrics_dropped": _dropped,
    "predictions": _predictions,
    "run_inputs": _run_inputs("inputs.json"),
    "run_vocabulary": _run_inputs("vocabulary.txt"),
    "crossval": _crossval("crossval.json"),
    "crossval_predictions": _crossval("predictions.csv"),
    "model": _model(),
    "model_weights": _weights,
    "checkpoint_name": _checkpoint(checkpoints.NEWEST_FILE),
    "checkpoint_index": _checkpoint("*.index"),
    "checkpoint_data": _checkpoint("*.data-*"),
    "request_example": _request_example,
}
