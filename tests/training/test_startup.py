import ctypes
import resource

import pytest

from amh_tf import config
from amh_tf.layers.kernels import compiled, compiler
from amh_tf.training import halves, startup


def model(**settings):
    return config.ModelConfig(vocabulary_size=5, **settings)


@pytest.fixture
def loads(monkeypatch):
    """What was loaded, in a process that has loaded nothing and has no GPU."""
    found = []
    monkeypatch.setattr(compiled, "load", lambda: found.append("compiled"))
    monkeypatch.setattr(compiled, "is_compiled", lambda: True)
    monkeypatch.setattr(halves.tf.config, "list_physical_devices", lambda kind: [])
    return found


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, True),
        ({"kernel": "compiled"}, True),
        ({"dtype": "bfloat16"}, True),
        ({"kernel": "packed"}, False),
        ({"kernel": "keras"}, False),
        ({"cell": "lstm"}, True),
        ({"model": "mha", "modalities": ("audio", "text")}, True),
        ({"dtype": "float16"}, False),
    ],
)
def test_kernel_is_loaded_for_models_that_can_use_it(settings, expected, loads):
    startup.load_kernel(model(**settings))
    assert loads == (["compiled"] if expected else [])


def test_gpu_needs_no_kernel_unless_asked(loads, monkeypatch):
    monkeypatch.setattr(halves.tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    startup.load_kernel(model())
    assert loads == []
    startup.load_kernel(model(kernel="compiled"))
    assert loads == ["compiled"]


def test_compiling_is_announced(loads, monkeypatch, capsys):
    monkeypatch.setattr(compiled, "is_compiled", lambda: False)
    startup.load_kernel(model())
    assert "Compiling" in capsys.readouterr().out


def test_kernel_that_cannot_be_had_is_said_and_done_without(loads, monkeypatch, capsys):
    def refuse():
        raise compiled.NotAvailable("There is no C++ compiler.")

    monkeypatch.setattr(compiled, "load", refuse)
    startup.load_kernel(model())
    said = " ".join(capsys.readouterr().out.split())
    assert "There is no C++ compiler. Until then" in said
    with pytest.raises(compiled.NotAvailable, match=r"no C.*--kernel"):
        startup.load_kernel(model(kernel="compiled"))


def test_run_that_was_begun_without_the_kernel_keeps_to_that(loads, monkeypatch, capsys):
    monkeypatch.setattr(compiler, "library_path", lambda: "there is a compiler now")
    startup.load_kernel(model(), begun="packed")
    assert loads == []
    said = " ".join(capsys.readouterr().out.split())
    assert "began with --kernel=packed and keeps it" in said
    startup.load_kernel(model(), begun="compiled")
    startup.load_kernel(model(kernel="compiled"), begun="packed")
    assert loads == ["compiled"] * 2
    assert startup.compile_kernel(model(), begun="packed") == "packed"
    assert startup.compile_kernel(model(dtype="float16")) == "packed"
    monkeypatch.setattr(compiler, "library", lambda: "compiled")
    assert startup.compile_kernel(model()) == "compiled"
    assert startup.compile_kernel(model(), begun="compiled") == "compiled"


def test_memory_settings_are_taken(monkeypatch):
    taken = {}

    class Library:
        gnu_get_libc_version = None

        @staticmethod
        def mallopt(setting, value):
            taken[setting] = value

    monkeypatch.setattr(startup.ctypes, "CDLL", lambda name: Library)
    monkeypatch.setattr(halves, "cores", lambda: 16)
    startup.keep_memory()
    assert taken[startup._ARENA_MAX] == 8
    assert taken[startup._TRIM_THRESHOLD] > 1 << 30
    assert taken[startup._MMAP_MAX] == 0


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(startup.ctypes, "CDLL", lambda name: object())
    startup.keep_memory()


def test_this_c_library_takes_every_setting():
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        pytest.skip("the C library is not glibc")
    startup.keep_memory()
    # mallopt returns 1 where it has understood.
    assert library.mallopt(startup._TOP_PAD, 64 << 20) == 1


def test_large_block_is_taken_from_the_system_once():
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        pytest.skip("the C library is not glibc")
    startup.keep_memory()
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = [ctypes.c_size_t]
    library.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    size = 48 << 20  # more than glibc's largest threshold

    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        block = library.malloc(size)
        library.memset(block, 1, size)
        library.free(block)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    assert faults() < size / resource.getpagesize() / 10
