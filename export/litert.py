"""TFLite files: made from the edge module, inspected, and run on LiteRT's interpreter."""

import collections
import functools
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema_fb

from amh_tf import errors, schema

# What weights are stored as. Sizes: of the parameters in float32, once, a half, a quarter.
KINDS = ("float32", "float16", "int8")
# Inputs of models that standardize by the speaker.
STATISTICS = tuple(f"{m}_{what}" for m in ("audio", "video") for what in ("mean", "deviation"))
# Steps of audio, text and video that parity is checked on: long, short, absent.
LENGTHS = ((450, 20, 14), (60, 5, 0), (0, 12, 3), (300, 0, 7), (7, 2, 2), (1, 1, 1))


def convert(edge_dir, kind):
    """Converts the edge module.

    Args:
        edge_dir: Folder of its SavedModel.
        kind: "float32", what `tflite_convert` makes without flags; "float16"; or "int8",
            whose weights are 8-bit and whose activations are quantized as they come.

    Returns:
        The file's bytes.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(edge_dir))
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def operations(contents):
    """Counts a file's operations.

    Args:
        contents: The file's bytes.

    Returns:
        Counter from name to number; what is not builtin is named "custom: NAME".
    """
    model = schema_fb.ModelT.InitFromObj(schema_fb.Model.GetRootAs(contents, 0))
    names = {code: name for name, code in vars(schema_fb.BuiltinOperator).items() if name.isupper()}
    counts = collections.Counter()
    for graph in model.subgraphs:
        for operation in graph.operators:
            code = model.operatorCodes[operation.opcodeIndex]
            if code.customCode is not None:
                counts[f"custom: {code.customCode.decode()}"] += 1
            else:
                number = max(code.builtinCode, code.deprecatedBuiltinCode)
                counts[names[number]] += 1
    return counts


class Runner:
    """Runs a file, one utterance at a time.

    An interpreter answers utterances of one length only, and a new one takes its place where the
    length changes: LiteRT's XNNPACK sometimes gives wrong answers after a shorter utterance. See
    `docs/deployment.md`, "Utterances of changing length".

    Args:
        path: The file.
        threads: Threads of the interpreter.

    Raises:
        ValueError: If ai-edge-litert is not installed, or this package did not write the file.
    """

    def __init__(self, path, threads=1):
        try:
            from ai_edge_litert import interpreter
        except ImportError as error:
            raise errors.refusal(
                "TFLite files cannot be run",
                "the package ai-edge-litert",
                error,
                "Install it with pip install 'amh_tf[edge]'.",
            ) from error
        try:
            contents = Path(path).read_bytes()
            self._make = functools.partial(
                interpreter.Interpreter, model_content=contents, num_threads=threads
            )
            self._renew()
        except (ValueError, RuntimeError, OSError) as error:
            raise errors.InputError(
                f"{str(path)!r} cannot be run. Expected a file that was made from an edge "
                f"module. Received: {str(error)[:200]}"
            ) from error
        self.inputs = self._run.get_input_details()

    def _renew(self, sizes=None):
        self._interpreter = self._make()
        self._run = self._interpreter.get_signature_runner()
        self._sizes = sizes

    def __call__(self, inputs):
        """Answers one utterance.

        Args:
            inputs: Dict of arrays with a batch of one, as the edge module takes them.

        Returns:
            Probabilities `(classes,)`; NaN where the input cannot be answered.

        Raises:
            InputError: If the file takes other inputs, as that of another model does.
        """
        if inputs.keys() != self.inputs.keys():
            raise errors.refusal(
                "The file does not take these inputs", sorted(inputs), sorted(self.inputs)
            )
        sizes = {
            name: int(value[0]) if name.endswith("_length") else value.shape
            for name, value in inputs.items()
        }
        if sizes != self._sizes:
            self._renew(sizes)
        return self._run(**inputs)["probabilities"][0]


def latencies(runners, inputs, runs, warmup=5):
    """Times several ways to answer the same utterance, in turn.

    Args:
        runners: Dict from name to a function of the inputs.
        inputs: Dict of arrays with a batch of one.
        runs: How many times each is timed.
        warmup: How many runs go before.

    Returns:
        Dict from name to milliseconds, `(runs,)`.
    """
    times = {name: [] for name in runners}
    for run in range(warmup + runs):
        for name, function in runners.items():
            start = time.perf_counter()
            function(inputs)
            if run >= warmup:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: np.array(values) for name, values in times.items()}


def random_utterance(inputs, lengths, vocabulary_size, seed=0):
    """Makes an utterance of noise.

    Args:
        inputs: Dict from name to `tf.TensorSpec`, or whatever has a shape, of the edge module.
        lengths: Dict from modality to steps; 0 for an absent one.
        vocabulary_size: Number of word ids.
        seed: Seed of the noise.

    Returns:
        Dict of arrays with a batch of one.
    """
    rng = np.random.default_rng(seed)
    utterance = {}
    for modality, steps in lengths.items():
        if modality not in inputs:
            continue
        time_axis = max(steps, 1)
        if len(inputs[modality].shape) == 2:  # word ids
            utterance["text"] = rng.integers(1, vocabulary_size, (1, time_axis), np.int32)
        else:
            shape = (1, time_axis, int(inputs[modality].shape[-1]))
            utterance[modality] = np.abs(rng.standard_normal(shape, np.float32))
        utterance[f"{modality}_length"] = np.array([steps], np.int32)
    for name in [name for name in STATISTICS if name in inputs]:
        utterance[name] = rng.uniform(0.5, 1.5, (1, int(inputs[name].shape[-1]))).astype(np.float32)
    return utterance


def reference_answers(edge_dir):
    """Answers some utterances of noise with the edge module, in TensorFlow.

    Args:
        edge_dir: Folder of its SavedModel.

    Returns:
        List of (inputs, probabilities); the first utterance is as long as a sentence.
    """
    loaded = tf.saved_model.load(str(edge_dir))  # kept, since it owns the variables
    signature = loaded.signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    words = edge_dir / "assets.extra" / "vocabulary.txt"
    count = len(words.read_bytes().splitlines()) if words.is_file() else 2
    answered = []
    for seed, lengths in enumerate(LENGTHS):
        steps = dict(zip(schema.MODALITIES, lengths))
        if not any(steps[modality] for modality in steps if modality in specs):
            continue
        inputs = random_utterance(specs, steps, count, seed)
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        answered.append((inputs, signature(**tensors)["probabilities"].numpy()[0]))
    return answered
