"""A tiny trained run, exported once for the tests of a module, and the server over it."""

import contextlib
import dataclasses
import fcntl
import json
import os
import subprocess
import sys
import types
import wave
from pathlib import Path

import numpy as np
import pytest

from amh_tf import config, errors
from amh_tf.data import writer
from amh_tf.deploy import web_runtime
from amh_tf.runs import trained
from amh_tf.training import runs
from export import litert
from tests import commands
from tests import conftest as shared
from tests.deploy import c_loader

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def clean_environment():
    """An environment in which neither the package nor tensorflow-io can be imported."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(HERE / "without_package")}


def train(data, folder, **model):
    """Trains a model of the paper's widths, with fewer units, for two steps."""
    model = {"audio_units": 40, "text_units": 32, "video_units": 24, **model}
    run_config, fold = runs.configure(
        config.DataConfig(str(data.folder), batch_size=10),
        config.TrainingConfig(max_steps=2, seed=2),
        config.ModelConfig(vocabulary_size=2, **model),
    )
    runs.train_and_evaluate(run_config, fold, folder)
    return folder


def once(tmp_path_factory, name, make):
    """Makes a folder once for all workers that test side by side, and returns it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_TESTRUNUID" in os.environ:
        folder = folder.parent
    with open(folder / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / f"{name}.done"
        if not done.exists():
            make(folder / name)
            done.touch()
    return folder / name


@pytest.fixture(scope="session")
def declared_data(tiny_source, tmp_path_factory):
    """The tiny data set, said to hold features as they are made here: it may be given sound."""
    source = dataclasses.replace(tiny_source, features=shared.MADE_HERE)
    return writer.write(source, tmp_path_factory.mktemp("declared") / "data", records_per_shard=16)


@pytest.fixture(scope="session")
def run_dir(declared_data, tmp_path_factory):
    return once(tmp_path_factory, "run", lambda folder: train(declared_data, folder, num_hops=3))


@pytest.fixture(scope="session")
def exported(run_dir, tmp_path_factory):
    """The export: folder, served version, edge folder, run folder, and the run as it is read."""

    def make(folder):
        flags = [f"--run_dir={run_dir}", f"--output_dir={folder}"]
        finished = commands.run("-m", "amh_tf.export", *flags)
        assert finished.returncode == 0, finished.stderr
        assert str(folder / "serving" / "1") in finished.stdout.replace("\n", "")

    folder = once(tmp_path_factory, "export", make)
    return types.SimpleNamespace(
        folder=folder,
        served=folder / "serving" / "1",
        edge=folder / "edge",
        run_dir=run_dir,
        trained=trained.read(run_dir),
    )


@pytest.fixture(scope="session")
def edge_file(exported, tmp_path_factory):
    """The export's edge module as a TFLite file in float32."""

    def make(folder):
        folder.mkdir()
        (folder / "amh.tflite").write_bytes(litert.convert(exported.edge, "float32"))

    return once(tmp_path_factory, "edge_file", make) / "amh.tflite"


@pytest.fixture(scope="module")
def server(exported):
    """The stand-in for TensorFlow Serving, in a process of its own: what it says of itself."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "server.py"), str(exported.folder / "serving")],
        cwd="/",
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with contextlib.ExitStack() as stack:
        stack.callback(process.wait)
        stack.callback(process.stdin.close)
        yield json.loads(process.stdout.readline())


def requests(vocabulary=54):
    """Batches with every kind of row: long, short, without one modality, without two."""
    rng = np.random.default_rng(0)
    lengths = {"audio": [31, 7, 0, 12, 0], "text": [6, 3, 9, 0, 1], "video": [4, 0, 2, 5, 0]}
    made = {}
    for modality, steps in lengths.items():
        shape = (5, max(steps))
        if modality == "text":
            made["text"] = rng.integers(1, vocabulary, shape, np.int32)
        else:
            width = {"audio": 120, "video": 2048}[modality]
            made[modality] = rng.standard_normal((*shape, width), np.float32)
        made[f"{modality}_length"] = np.array(steps, np.int32)
    return made


def write_wav(path, samples, rate=16000, width=2):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def inputs():
    return requests()


@pytest.fixture(scope="module")
def session(exported):
    return c_loader.Session(exported.served)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two clips of unlike length as 16-bit samples, and their files."""
    rng = np.random.default_rng(3)
    folder = tmp_path_factory.mktemp("clips")
    samples = [np.cumsum(rng.integers(-300, 301, n)).clip(-32768, 32767) for n in (9000, 4321)]
    files = [write_wav(folder / f"{i}.wav", s) for i, s in enumerate(samples)]
    return samples, files


@pytest.fixture(scope="session")
def runtime():
    """ONNX Runtime for browsers, which is fetched once."""
    try:
        return web_runtime.read()
    except errors.InputError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def save(runtime, tmp_path_factory):
    """Returns a function that writes the live page of a run, once."""
    from amh_tf.deploy import web_page  # needs the extra onnx

    pages = {}

    def saved(run_dir):
        if run_dir not in pages:
            pages[run_dir] = tmp_path_factory.mktemp("pages") / "web"
            pages[run_dir].mkdir()
            web_page.save(trained.read(run_dir), pages[run_dir], runtime, "card", run_dir)
        return pages[run_dir]

    return saved
