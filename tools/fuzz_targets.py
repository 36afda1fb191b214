"""The parsers that `tools.fuzz` feeds, each with good files to begin with."""

import dataclasses
import importlib
import io
import json
import pickle
import zipfile

import numpy as np

from amh_tf import config, files, models, schema
from amh_tf.corpora import safe_pickle
from amh_tf.data import fold_view, integrity, manifest, verification, writer
from amh_tf.reporting import gather
from amh_tf.training import run_folder
from tests import conftest
from tools import fuzz_source_targets, fuzz_target


def _data_folder(folder):
    return writer.write(conftest.compact_source(), folder / "data", 12, protocols=["session"])


def _manifest(folder):
    data = _data_folder(folder)

    def parse(path):
        loaded = manifest.load(path.parent)
        for protocol, described in loaded.protocols.items():
            for number in range(len(described["folds"])):
                fold = fold_view.choose(loaded, protocol, number)
                for split in schema.SPLITS:
                    fold.check_split(split)
                fold.known_words()
        loaded.embedding()
        verification.summary(loaded)

    path = data.path(manifest.FILE_NAME)
    return fuzz_target.of_file([path.read_bytes()], path, parse, text=True)


def _shard(folder):
    data = _data_folder(folder)
    shard = data.shards[0]

    def parse(path):
        list(integrity.shard_faults(data, shard))
        integrity.check_shard(data, shard)

    path = data.path(shard.file)
    return fuzz_target.of_file([path.read_bytes()], path, parse)


def _tables(name):
    def target(folder):
        data = _data_folder(folder)

        def parse(path):
            # Faults are listed, not raised.
            for find in (verification._vocabulary_faults, verification._embedding_faults):
                list(find(data))
            list(
                verification._word_count_faults(
                    data, integrity.Findings(data.vocabulary_size), set()
                )
            )

        path = data.path(name)
        return fuzz_target.of_file([path.read_bytes()], path, parse, text=name.endswith("txt"))

    return target


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
        whole.model, model="rnn_attn", modalities=("text",), num_hops=None, cell=None
    )
    return dataclasses.replace(whole, model=small)


def _config(folder):
    run = run_folder.RunFolder(folder)
    return fuzz_target.Target(
        [_run_config().to_json().encode()],
        fuzz_target.from_file(folder / "config.json", lambda _: run.load_config()),
        text=True,
    )


def _metrics(folder):
    scores = {name: {"value": 0.5, "interval": [0.4, 0.6]} for name in schema.SCORES}
    seed = json.dumps({"test": {"utterances": 3, "confusion_matrix": [[1, 0], [1, 1]], **scores}})
    run = run_folder.RunFolder(folder)
    return fuzz_target.Target(
        [seed.encode()],
        fuzz_target.from_file(folder / "metrics.json", lambda _: run.load_metrics()),
        text=True,
    )


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
        parse = fuzz_target.from_file(path, lambda _: gather.gather(runs))
        return fuzz_target.Target([path.read_bytes()], parse, text=True)

    return target


def _model(part):
    """Damages the zip file, or one of its members with a right checksum around it."""

    def target(folder):
        run = run_folder.RunFolder(folder)
        run.start(_small_run_config())
        run.save_model(models.build(_small_run_config().model, None))
        whole = run.model.read_bytes()

        def parse(data):
            if part is None:
                run.model.write_bytes(data)
            else:
                with (
                    zipfile.ZipFile(io.BytesIO(whole)) as good,
                    zipfile.ZipFile(run.model, "w") as bad,
                ):
                    for name in good.namelist():
                        bad.writestr(name, data if name == part else good.read(name))
            run.load_model()

        if part is None:
            return fuzz_target.Target([whole], parse)
        with zipfile.ZipFile(io.BytesIO(whole)) as good:
            return fuzz_target.Target([good.read(part)], parse, text=part.endswith("json"))

    return target


def _dictionary(folder):
    words = {"_PAD_": 0, "_UNK_": 1, "naïve": 2, "x" * 300: 70_000}
    seeds = [pickle.dumps(words, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    return fuzz_target.of_file(seeds, folder / "dic.pkl", safe_pickle.read_dictionary)


def _array(folder):
    seeds = []
    for array in (np.zeros((3, 4), np.float32), np.arange(5), np.zeros((2, 3), "<U3", order="F")):
        file = io.BytesIO()
        np.save(file, array)
        seeds.append(file.getvalue())

    def checked(path):
        array = files.map_array(path)
        if array.nbytes > path.stat().st_size:
            raise AssertionError(f"{array.nbytes} bytes of {path.stat().st_size}")
        np.array(array)

    return fuzz_target.of_file(seeds, folder / "array.npy", checked)


TARGETS = {
    "manifest": _manifest,
    "shard": _shard,
    "vocabulary": _tables("vocabulary.txt"),
    "embedding": _tables("embedding.npy"),
    "word_counts": _tables("word_counts.npy"),
    "array": _array,
    "dictionary": _dictionary,
    "run_config": _config,
    "metrics": _metrics,
    "predictions": _predictions,
    "crossval": _crossval("crossval.json"),
    "crossval_predictions": _crossval("predictions.csv"),
    "model": _model(None),
    "model_config": _model("config.json"),
    "model_weights": _model("model.weights.h5"),
    **fuzz_source_targets.TARGETS,
}


def missing(name):
    """Returns why a target cannot be fuzzed here, or nothing."""
    return fuzz_source_targets.missing(name)
