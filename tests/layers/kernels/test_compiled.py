"""The compiled kernel: its dropout, its threads, its errors, and how it is compiled."""

import json
import os
import stat
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from amh_tf import layers
from amh_tf.layers.kernels import choice, compiled, compiler
from tests import commands
from tests.layers.kernels import philox
from tests.layers.kernels.test_kernels import load_compiled

LENGTHS = [9, 4, 0, 1, 7, 9, 2, 3, 5, 6]
UNITS = 20


def given(dim, seed=0):
    rng = np.random.default_rng(seed)
    sequence = rng.standard_normal((len(LENGTHS), 9, dim)).astype(np.float32)
    shapes = (dim, 3 * UNITS), (UNITS, 3 * UNITS), (3 * UNITS,)
    weights = [0.3 * rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    return sequence, list(map(tf.constant, weights))


def run(sequence, weights, dtype=tf.float32, **settings):
    """States, last states, and gradients in the inputs and weights."""
    sequence = tf.constant(sequence)
    with tf.GradientTape() as tape:
        tape.watch([sequence, *weights])
        lengths = tf.constant(np.resize(LENGTHS, len(sequence)), tf.int32)
        states, last = compiled.gru(sequence, lengths, weights, dtype, **settings)
        loss = tf.reduce_sum(tf.square(states)) + tf.reduce_sum(last)
    return [states, last, *tape.gradient(loss, [sequence, *weights])]


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        # The authors of Philox publish these.
        (0, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (0xFFFFFFFF, 0xFFFFFFFF, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ],
)
def test_numpy_draws_as_philox_does(counter, key, expected):
    drawn = philox.draw([counter] * 4, (key, key))
    assert " ".join(f"{number:08x}" for number in drawn) == expected


@pytest.mark.parametrize("dim", [3, 128, 150])
@pytest.mark.parametrize("rate", [0.3, 0.7])
@pytest.mark.parametrize("backward", [False, True])
def test_dropout_is_philox_and_the_same_on_the_way_back(dim, rate, backward):
    load_compiled()
    sequence, weights = given(dim)
    seed = [1 << 40 | 12345, 678]
    factors = philox.dropout_factors(sequence.shape, rate, seed)
    dropped = run(sequence, weights, rate=rate, seed=tf.constant(seed, tf.int64), backward=backward)
    expected = run(sequence * factors, weights, backward=backward)
    expected[2] = expected[2] * factors
    for found, wanted in zip(dropped, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_dropout_keeps_its_share_and_differs_between_seeds():
    drawn = [philox.dropout_factors((64, 20, 120), 0.3, [1, seed]) for seed in range(2)]
    count = drawn[0].size
    for factors in drawn:
        spread = (0.3 * 0.7 / count) ** 0.5
        assert abs((factors == 0).mean() - 0.3) < 5 * spread
        assert abs(factors.mean() - 1) < 5 * spread / 0.7
    agree = ((drawn[0] == 0) == (drawn[1] == 0)).mean()
    assert abs(agree - (0.49 + 0.09)) < 0.01
    neighbours = np.corrcoef((drawn[0] == 0)[:, :-1].ravel(), (drawn[0] == 0)[:, 1:].ravel())
    assert abs(neighbours[0, 1]) < 0.02


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
@pytest.mark.parametrize("copies", [1, 4, 12])
def test_bits_do_not_depend_on_the_number_of_threads(monkeypatch, dtype, copies):
    load_compiled()
    sequence, weights = given(24)
    sequence = np.tile(sequence, (copies, 1, 1))
    found = []
    for threads in (1, 2, 8):
        monkeypatch.setattr(
            tf.config.threading, "get_intra_op_parallelism_threads", lambda n=threads: n
        )
        found.append(run(sequence, weights, dtype=dtype))
    for other in found[1:]:
        for part, expected in zip(other, found[0], strict=True):
            np.testing.assert_array_equal(part, expected)


def test_long_sequences_are_computed_as_by_keras():
    """What they save goes past the caches, and 200 units end with half a vector."""
    load_compiled()
    rng = np.random.default_rng(4)
    sequence = tf.constant(rng.standard_normal((32, 230, 5)).astype(np.float32))
    layer = keras.layers.GRU(200, reset_after=False, return_sequences=True)
    layer.build(sequence.shape)
    weights = [tf.constant(weight) for weight in layer.get_weights()]
    with tf.GradientTape() as tape:
        expected = layer(sequence)
        loss = tf.reduce_sum(tf.square(expected)) + tf.reduce_sum(expected[:, -1])
    expected = [expected, *tape.gradient(loss, layer.trainable_variables)]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        lengths = tf.fill([32], 230)
        states, last = compiled.gru(sequence, lengths, weights, tf.float32)
        loss = tf.reduce_sum(tf.square(states)) + tf.reduce_sum(last)
    for found, right in zip([states, *tape.gradient(loss, weights)], expected):
        np.testing.assert_allclose(found, right, atol=1e-5 * np.abs(right).max())


def test_padding_is_not_read():
    load_compiled()
    sequence, weights = given(24)
    noisy = sequence.copy()
    for row, length in enumerate(LENGTHS):
        noisy[row, length:] = np.nan
    for found, expected in zip(run(noisy, weights), run(sequence, weights), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_what_is_not_a_number_does_not_vanish():
    load_compiled()
    sequence, weights = given(24)
    sequence[0, 3, 5] = np.nan
    states, last, *_ = run(sequence, weights)
    assert np.isfinite(states[0, :3]).all() and np.isnan(states[0, 3:9]).all()
    assert np.isnan(last[0]).all() and np.isfinite(last[1:]).all()


def test_scoring_has_a_gradient_too():
    load_compiled()
    sequence, weights = given(24)
    for found, expected in zip(run(sequence, weights, training=False), run(sequence, weights)):
        np.testing.assert_array_equal(found, expected)


def test_empty_batch_gives_nothing():
    load_compiled()
    _, weights = given(24)
    states, last = compiled.gru(tf.zeros([0, 5, 24]), tf.zeros([0], tf.int32), weights, tf.float32)
    assert states.shape == (0, 5, UNITS)
    assert last.shape == (0, UNITS)


def test_length_past_the_end_is_refused():
    load_compiled()
    sequence, weights = given(24)
    for length in (10, -1):
        with pytest.raises(tf.errors.InvalidArgumentError, match="length is outside"):
            compiled.gru(sequence[:1], tf.constant([length]), weights, tf.float32)


@pytest.mark.parametrize("which", range(3))
def test_weights_of_other_shapes_are_refused(which):
    load_compiled()
    sequence, weights = given(24)
    weights[which] = weights[which][..., :-1]
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        run(sequence, weights)


# On every processor with vectors of half and of a quarter of this one's width, if it has 512 bits.
@pytest.mark.parametrize("machine", ["x86-64-v3", "x86-64"])
def test_narrower_processors_compute_the_same(machine, tmp_path):
    load_compiled()
    if os.uname().machine != "x86_64":
        pytest.skip("the processor is of another kind")
    if machine == "x86-64-v3" and "avx2" not in compiler.processor():
        pytest.skip("the processor has no AVX2")
    sequence, weights = given(150)
    np.savez(tmp_path / "given.npz", sequence, *weights)
    script = """
import sys
import amh_tf
import numpy as np
import tensorflow as tf
from amh_tf.layers.kernels import compiled, compiler
from tests.layers.kernels import test_compiled
compiler.FLAGS = ("-O1", *compiler.FLAGS[1:])
compiler.MACHINE_FLAGS["x86_64"] = (f"-march={sys.argv[1]}",)
with np.load(sys.argv[2] + "/given.npz") as arrays:
    sequence, *weights = [arrays[name] for name in arrays.files]
weights = list(map(tf.constant, weights))
seed = tf.constant([5, 6], tf.int64)
full = test_compiled.run(sequence, weights, rate=0.3, seed=seed)
lengths = tf.constant(test_compiled.LENGTHS, tf.int32)
half, _ = compiled.gru(sequence, lengths, weights, tf.bfloat16)
np.savez(sys.argv[2] + "/found.npz", half, *full)
"""
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    done = commands.run("-c", script, machine, tmp_path, environment=environment)
    assert done.returncode == 0, done.stderr
    seed = tf.constant([5, 6], tf.int64)
    half, _ = compiled.gru(sequence, tf.constant(LENGTHS, tf.int32), weights, tf.bfloat16)
    with np.load(tmp_path / "found.npz") as found:
        for name, expected in zip(found.files[1:], run(sequence, weights, rate=0.3, seed=seed)):
            np.testing.assert_allclose(found[name], expected, atol=1e-5 * np.abs(expected).max())
        np.testing.assert_allclose(found[found.files[0]], half, atol=0.01)


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


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty cache, and a process that has not loaded the kernel."""
    load_compiled()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiled, "_loaded", [])
    return tmp_path


def test_no_compiler_is_said(elsewhere, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(compiled.NotAvailable, match=r"no C\+\+ compiler.*the packed kernel"):
        compiled.load()


def program(path, script):
    """Writes a program in the place of a compiler; $out is the file that it should write."""
    path.parent.mkdir(exist_ok=True)
    find = 'for word in "$@"; do [ "$before" = -o ] && out=$word; before=$word; done\n'
    path.write_text(f"#!/bin/sh\n{find}{script}\n")
    path.chmod(0o755)
    return path


VERSION = '[ "$1" = --version ] && exit 0\n'


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (VERSION + "echo 'ops.cc:1: error: no such thing' >&2; exit 1", "error: no such thing"),
        (VERSION + "echo 'ops.cc:1: Fehler' >&2; exit 1", "ops.cc:1: Fehler"),
        (VERSION + "printf 'error: \\377\\376' >&2; exit 1", "error: \ufffd"),
        (VERSION + "exit 3", "no message, exit code 3"),
        (VERSION + "kill -9 $$", "no message, exit code -9"),
        (VERSION + "exit 0", "has written nothing"),
        ("echo 'error: no licence' >&2; exit 1", "error: no licence"),
        ("exec sleep 60", "did not end in 1 seconds"),
    ],
)
def test_failing_compiler_is_said(elsewhere, monkeypatch, script, said):
    monkeypatch.setattr(compiler, "VERSION_SECONDS", 1)
    monkeypatch.setenv("CXX", str(program(elsewhere / "broken", script)))
    with pytest.raises(compiled.NotAvailable, match=rf"{said}.*(Set CXX|the packed kernel)"):
        compiled.load()
    assert {path.suffix for path in elsewhere.glob("amh_tf/kernels/*")} <= {".lock"}


def test_compiler_of_another_machine_is_said(elsewhere, monkeypatch):
    path = elsewhere / "foreign"
    path.write_bytes(b"\x7fELF of no processor")
    path.chmod(0o755)
    monkeypatch.setenv("CXX", str(path))
    with pytest.raises(compiled.NotAvailable, match=r"cannot be started.*Exec format.*Set CXX"):
        compiled.load()


# Takes down its arguments, and compiles nothing.
RECORDING = 'echo "$0 $@" >> "$RECORD"; [ -n "$out" ] && echo compiled > "$out"; exit 0'


@pytest.fixture
def recorded(elsewhere, monkeypatch):
    """A compiler `rec++` on the path; returns a function that gives the commands it has had."""
    program(elsewhere / "bin" / "rec++", RECORDING)
    program(elsewhere / "my bin" / "rec++", RECORDING)
    program(elsewhere / "bin" / "ccache", 'echo ccache >> "$RECORD"; exec "$@"')
    monkeypatch.setenv("PATH", f"{elsewhere / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("RECORD", str(elsewhere / "record"))
    return lambda: (elsewhere / "record").read_text().splitlines()


@pytest.mark.parametrize(
    ("text", "before", "arguments"),
    [
        ("rec++", [], ""),
        ("rec++ -m64 -DNAME='a b'", [], "-m64 -DNAME=a b"),
        ("/usr/bin/env rec++", [], ""),
        ("/usr/bin/env LEVEL=1 rec++ -m64", [], "-m64"),
        ("ccache rec++", ["ccache"], ""),
        ("  ccache   rec++ -m64 ", ["ccache"], "-m64"),
        ("sccache rec++", [], ""),  # which is not installed
        ("distcc ccache rec++", ["ccache"], ""),
        ("{folder}/my bin/rec++", [], ""),
        ("'{folder}/my bin/rec++' -m64", [], "-m64"),
    ],
)
def test_cxx_is_a_command(recorded, elsewhere, monkeypatch, text, before, arguments):
    monkeypatch.setenv("CXX", text.format(folder=elsewhere))
    path = compiler.library()
    assert path.read_text() == "compiled\n"
    *begun, version, compiled_by = [line for line in recorded() if line != "ccache"]
    assert not begun
    assert recorded() == [*before, version, *before, compiled_by]
    name, _, rest = version.partition("rec++ ")
    assert Path(name).parent == elsewhere
    assert rest.split("--version")[0].strip() == arguments
    flags = " ".join([*filter(None, [arguments]), *compiler.FLAGS])
    assert compiled_by.startswith(f"{name}rec++ {flags}")


@pytest.mark.parametrize("text", ["ccache no-such-compiler", "'rec++", "-m64 rec++", "''"])
def test_cxx_that_is_no_command_is_said(recorded, monkeypatch, text):
    monkeypatch.setenv("CXX", text)
    with pytest.raises(compiled.NotAvailable, match=r"Received: .*the packed kernel"):
        compiler.library()


def test_commands_have_libraries_of_their_own(recorded, monkeypatch):
    paths = set()
    for text in ("rec++", "rec++ -m64", "rec++ -DX", "ccache rec++"):
        monkeypatch.setenv("CXX", text)
        paths.add(compiler.library())
    assert len(paths) == 4


@pytest.mark.parametrize("value", [None, "", "  "])
def test_compiler_that_fails_is_followed_by_the_next(recorded, elsewhere, monkeypatch, value):
    """Where nobody has chosen one: a `c++` without its parts, as some images have it."""
    if value is None:
        monkeypatch.delenv("CXX", raising=False)
    else:
        monkeypatch.setenv("CXX", value)
    monkeypatch.setenv("PATH", f"{elsewhere / 'bin'}")
    tried = elsewhere / "tried"
    broken = f'echo x >> "{tried}"; echo "c++: fatal error: cannot execute cc1plus" >&2; exit 1'
    program(elsewhere / "bin" / "c++", VERSION + broken)
    (elsewhere / "bin" / "g++").symlink_to("c++")
    with pytest.raises(compiled.NotAvailable, match="cannot execute cc1plus"):
        compiler.library()
    assert tried.read_text() == "x\n"  # one program, whatever its names
    program(elsewhere / "bin" / "clang++", RECORDING)
    assert compiler.library().read_text() == "compiled\n"
    tried.unlink()
    assert compiler.library() == compiler.library_path()
    assert not tried.exists()


def planted_library(content=b"not a library"):
    path = compiler.library_path()
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_bytes(content)
    path.chmod(0o700)
    return path


def test_damaged_library_is_said(elsewhere):
    planted_library()
    with pytest.raises(compiled.NotAvailable, match=r"could not be loaded.*Delete"):
        compiled.load()


@pytest.mark.parametrize("what", ["library", "folder"])
def test_library_that_others_may_write_is_refused(elsewhere, what):
    path = planted_library()
    (path if what == "library" else path.parent).chmod(0o777)
    with pytest.raises(compiled.NotAvailable, match="writable by nobody else"):
        compiled.load()


def test_folder_that_cannot_be_made_is_said(elsewhere):
    (elsewhere / "amh_tf").write_text("in the way")
    with pytest.raises(compiled.NotAvailable, match=r"could not be written.*XDG_CACHE_HOME"):
        compiled.load()


def test_compiled_once_and_kept(elsewhere):
    """In processes of their own: TensorFlow takes an operation once."""
    script = """
import json, time
import amh_tf
from amh_tf.layers.kernels import compiled, compiler
compiler.FLAGS = ("-O0", *compiler.FLAGS[1:])
before = compiled.is_compiled()
compiled.load()
print(json.dumps([before, compiled.is_compiled()]))
"""
    settings = {"environment": {"XDG_CACHE_HOME": str(elsewhere)}}
    together = commands.run_together([(["-c", script], settings)] * 2, at_once=2)
    assert all(json.loads(end.stdout)[1] for end in together), together
    (library,) = (elsewhere / "amh_tf" / "kernels").glob("*.so")
    assert stat.S_IMODE(library.stat().st_mode) == 0o700
    made = library.stat().st_mtime_ns
    again = commands.run("-c", script, **settings)
    assert json.loads(again.stdout) == [True, True]
    assert library.stat().st_mtime_ns == made


def operations(encoder, preferred):
    @tf.function
    def call(sequence, mask):
        if not preferred:
            return encoder(sequence, mask)
        with choice.preferred():
            return encoder(sequence, mask)

    specs = tf.TensorSpec([None, None, 6]), tf.TensorSpec([None, None], tf.bool)
    graph = call.get_concrete_function(*specs).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize(
    ("settings", "preferred", "expected"),
    [
        ({}, False, False),  # as `model.export` traces it
        ({}, True, True),
        ({"kernel": "compiled"}, False, True),
        ({"kernel": "packed"}, True, False),
        ({"kernel": "keras"}, True, False),
        ({"cell": "lstm"}, True, False),
        ({"cell": "lstm", "kernel": "compiled"}, True, False),
        ({"dtype": "mixed_float16"}, True, False),
        ({"dtype": "mixed_bfloat16", "bidirectional": True, "num_layers": 2}, True, True),
    ],
)
def test_encoder_uses_it_where_it_is_meant_to(settings, preferred, expected):
    load_compiled()
    found = operations(layers.ModalityEncoder(8, **settings), preferred)
    assert ("AmhGru" in found) == expected


@pytest.mark.parametrize("settings", [{}, {"num_layers": 2, "bidirectional": True}])
def test_encoder_computes_the_same_with_every_kernel(settings):
    load_compiled()
    encoder = layers.ModalityEncoder(8, **settings)
    rng = np.random.default_rng(0)
    sequence = rng.standard_normal((4, 7, 6)).astype(np.float32)
    mask = np.arange(7) < np.array([7, 0, 3, 1])[:, None]
    found = {}
    for kernel in ("compiled", "packed", "keras"):
        encoder.kernel = kernel
        states, last = encoder(sequence, mask)
        found[kernel] = states * mask[:, :, None], last
    for kernel in ("packed", "keras"):
        for part, expected in zip(found["compiled"], found[kernel]):
            np.testing.assert_allclose(part, expected, atol=1e-6)


def test_dropout_of_an_encoder_is_drawn_anew_and_from_its_seed():
    load_compiled()

    def drawn():
        tf.keras.utils.set_random_seed(3)
        encoder = layers.ModalityEncoder(8, dropout=0.5, kernel="compiled")
        sequence, mask = tf.ones([2, 3, 6]), tf.ones([2, 3], tf.bool)
        return [encoder(sequence, mask, training=True)[1].numpy() for _ in range(2)]

    first, second = drawn()
    assert not np.array_equal(first, second)
    for found, expected in zip(drawn(), (first, second)):
        np.testing.assert_array_equal(found, expected)
