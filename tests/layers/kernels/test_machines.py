"""The kernel compiled for other processors, once in a cache, and under sanitizers."""

import json
import os
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from amh_tf.layers.kernels import compiled, compiler
from tests import commands
from tests.layers.kernels.test_compiled import CELLS, LENGTHS, given, run
from tests.layers.kernels.test_kernels import load_compiled

pytestmark = pytest.mark.slow

# In a process of its own, as TensorFlow takes an operation once. Without optimization, which takes
# most of a compiler's time.
COMPUTE = """
import json, sys
import amh_tf
import numpy as np
from amh_tf.layers.kernels import compiled, compiler
from tests.layers.kernels import test_machines
compiler.FLAGS = ("-O0", *compiler.FLAGS[1:])
machine, folder, name = sys.argv[1:]
if machine:
    compiler.MACHINE_FLAGS["x86_64"] = (f"-march={machine}",)
before = compiled.is_compiled()
compiled.load()
np.savez(f"{folder}/{name}.npz", *test_machines.outputs())
print(json.dumps([before, compiled.is_compiled()]))
"""
# Vectors of a quarter and of half of this processor's width, if that is 512 bits.
NARROWEST, NARROW = ("x86-64", "x86-64-v3") if os.uname().machine == "x86_64" else ("", "")


def outputs():
    """What both cells compute in both directions, and their gradients: float32, then bfloat16."""
    lengths, seed = tf.constant(LENGTHS, tf.int32), tf.constant([5, 6], tf.int64)
    full, half = [], []
    for cell in CELLS:
        sequence, weights = given(150, cell)
        settings = {"cell": cell, "backward": (False, True)}
        full += run(sequence, weights * 2, rate=0.3, seed=seed, **settings)
        half += compiled.recurrence(sequence, lengths, [weights] * 2, tf.bfloat16, **settings)
    return [*full, *half]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where answers lie, and the cache of what is compiled."""
    load_compiled()
    return tmp_path_factory.mktemp("machines")


def call(folder, machine, name):
    settings = {"environment": {"XDG_CACHE_HOME": str(folder)}}
    return ["-c", COMPUTE, machine, folder, name], settings


def assert_computes_the_same(folder, name):
    expected = outputs()
    with np.load(folder / f"{name}.npz") as stored:
        found = [stored[key] for key in stored.files]
    low = 2 * len(CELLS)  # in bfloat16: states and last states
    for part, wanted in zip(found[:-low], expected[:-low], strict=True):
        np.testing.assert_allclose(part, wanted, atol=1e-5 * np.abs(wanted).max())
    for part, wanted in zip(found[-low:], expected[-low:], strict=True):
        np.testing.assert_allclose(part, wanted, atol=0.01)


def test_compiled_once_and_kept(folder):
    """By two processes at a time, for the oldest processor, whose answers are this one's."""
    calls = [call(folder, NARROWEST, name) for name in ("first", "second")]
    together = commands.run_together(calls, at_once=2)
    assert all(json.loads(end.stdout or "[0, 0]")[1] for end in together), together
    (library,) = (folder / "amh_tf" / "kernels").glob("*.so")
    assert stat.S_IMODE(library.stat().st_mode) == 0o700
    written = library.stat().st_mtime_ns
    arguments, settings = call(folder, NARROWEST, "third")
    again = commands.run(*arguments, **settings)
    assert json.loads(again.stdout) == [True, True], again.stderr
    assert library.stat().st_mtime_ns == written
    for name in ("first", "second", "third"):
        assert_computes_the_same(folder, name)


def test_narrower_processor_computes_the_same(folder):
    if not NARROW or "avx2" not in compiler.processor():
        pytest.skip("the processor has no AVX2")
    arguments, settings = call(folder, NARROW, "narrow")
    done = commands.run(*arguments, **settings)
    assert done.returncode == 0, done.stderr
    assert_computes_the_same(folder, "narrow")


def test_sanitizers_find_nothing(tmp_path):
    """Reads and writes past an array, undefined behaviour, leaks."""
    load_compiled()
    program = tmp_path / "native_check"
    native = Path(compiler.__file__).parent / "native"
    flags = ["-O1", "-march=native", "-std=c++17", "-pthread", f"-I{native}"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    source = Path(__file__).parent / "native_check.cc"
    command = [*compiler._compilers()[0], *flags, str(source), "-o", str(program)]
    built = subprocess.run(command, capture_output=True, text=True)
    if "cannot find" in built.stderr:
        pytest.skip("the compiler has no sanitizers")
    assert built.returncode == 0, built.stderr
    done = subprocess.run([str(program)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
