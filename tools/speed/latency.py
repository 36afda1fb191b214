"""One utterance through everything that answers it: served, on TFLite, on ONNX Runtime."""

import sys
import tempfile
import time
from pathlib import Path

import amh_tf  # noqa: F401  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import keras
import numpy as np
import tensorflow as tf

from amh_tf import errors, files
from amh_tf.runs import trained
from tools import shared
from tools.speed import stock_keras

sys.path.append(str(shared.ROOT / "export"))  # whose scripts import one another by name
import litert  # isort: skip

# Steps of audio, text and video.
UTTERANCE = {"audio": 450, "text": 20, "video": 14}
WARM_UP = 5


def _session(folder, threads):
    """Returns a function that answers by the served signature in a session, as a server does."""
    v1 = tf.compat.v1
    with tf.Graph().as_default():
        session = v1.Session(
            config=v1.ConfigProto(
                intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
            )
        )
        loaded = v1.saved_model.load(session, ["serve"], str(folder))
        signature = loaded.signature_def["serving_default"]
        names = list(signature.inputs)
        run = session.make_callable(
            signature.outputs["probabilities"].name, [signature.inputs[n].name for n in names]
        )
    return lambda inputs: run(*(inputs[name] for name in names))[0]


def _stock_keras(specs):
    """Returns stock Keras' AMH-7 as a TFLite file, for one utterance of any length."""
    keras.utils.set_random_seed(1)
    model = stock_keras.build("amh", reset_after=True)

    @tf.function(input_signature=[specs])
    def answer(inputs):
        return {"probabilities": tf.nn.softmax(model(inputs, training=False))}

    module = tf.Module()
    module.weights, module.answer = [variable.value for variable in model.variables], answer
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": answer})
        return litert.convert(folder, "float32")


def _litert(path, make, threads):
    """Returns what runs a TFLite file, which is made if need be."""
    if not path.exists():
        contents = make()
        with files.replacing(path) as temporary:
            temporary.write_bytes(contents)
    return litert.Runner(path, threads)


def _onnx(run, threads):
    """Returns a function that answers by the model's own operators on ONNX Runtime."""
    from amh_tf.deploy.onnx import model as whole
    from amh_tf.deploy.onnx import runtime  # says what is not installed

    runner = runtime.Runner(whole.build(trained.read(run)).SerializeToString(), threads)
    return lambda inputs: runner(inputs, ["probabilities"])["probabilities"][0]


class Latency:
    """What answers one utterance, on some threads.

    Args:
        run: Folder of a finished run.
        folder: What `python -m amh_tf.export` made of it; files for LiteRT are added to it.
        threads: Threads of each.
    """

    def __init__(self, run, folder, threads):
        folder, edge = Path(folder), Path(folder) / "edge"
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        signature = tf.saved_model.load(str(edge)).signatures["serving_default"]
        specs = signature.structured_input_signature[1]
        words = len((edge / "assets.extra" / "vocabulary.txt").read_bytes().splitlines())
        self._utterance = litert.random_utterance(specs, UTTERANCE, words)
        self._notes, self._runners = {}, {"served": _session(folder / "serving" / "1", threads)}
        makers = {kind: lambda kind=kind: litert.convert(edge, kind) for kind in litert.KINDS}
        makers["stock Keras"] = lambda: _stock_keras(specs)
        for name, make in makers.items():
            path = folder / f"{name.replace(' ', '_')}.tflite"
            self._add(name, lambda path=path, make=make: _litert(path, make, threads))
        self._add("onnx", lambda: _onnx(run, threads))

    def _add(self, name, make):
        """Adds what answers, or a note where what it needs is missing."""
        try:
            self._runners[name] = make()
        except errors.InputError as error:
            self._notes[name] = str(error)

    def notes(self):
        """Returns why something was left out, by name."""
        return self._notes

    def measure(self, runs):
        """Answers the utterance by everything in turn.

        Args:
            runs: How many times.

        Returns:
            Dict from name to the seconds and the seconds of processor time, lists of numbers.
        """
        times = {name: ([], []) for name in self._runners}
        for run in range(WARM_UP + runs):
            for name in list(self._runners)[:: -1 if run % 2 else 1]:
                wall, processor = time.perf_counter(), time.process_time()
                self._runners[name](self._utterance)
                if run >= WARM_UP:
                    times[name][0].append(time.perf_counter() - wall)
                    times[name][1].append(time.process_time() - processor)
        return times

    def differences(self):
        """Returns the largest difference to what is served, by name."""
        served = self._runners["served"](self._utterance)
        return {
            name: float(np.abs(run(self._utterance) - served).max())
            for name, run in self._runners.items()
            if name not in ("served", "stock Keras")  # whose weights are others
        }
