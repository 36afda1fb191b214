"""The library and the commands do the same, and name what they do not know."""

import typing
from xml.etree import ElementTree

import pytest

import amh_tf
from amh_tf import errors, preparation
from amh_tf.api import keywords, settings
from tests import commands

SIZES = "20,10,10"
SMALL = {"hops": 2, "max_steps": 3, "batch_size": 5, "audio_units": 6, "text_units": 5}
SMALL |= {"video_units": 4, "seed": 3}


def in_python(code):
    """Runs code in a process of its own: threads and kernel are set at a process' start."""
    finished = commands.run("-c", f"import amh_tf\n{code}")
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A data set and a run by the library, and what the process printed."""
    folder = tmp_path_factory.mktemp("both")
    data, run_dir = folder / "data", folder / "run"
    output = in_python(
        f"data = amh_tf.prepare('planted', {str(data)!r}, planted_sizes=[20, 10, 10])\n"
        f"run = amh_tf.train(data.folder, {str(run_dir)!r}, quiet=True, **{SMALL})\n"
        "print(run.metrics['test']['weighted_accuracy']['value'], run)"
    )
    return folder, output


def by_command(module, *flags):
    finished = commands.run("-m", module, *flags)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.slow
def test_prepare_writes_the_same_bytes(folders):
    own, of_command = folders[0] / "data", folders[0] / "data_of_command"
    source = ["--source=planted", f"--planted_sizes={SIZES}"]
    by_command("amh_tf.prepare", *source, f"--output_dir={of_command}")
    names = sorted(path.name for path in own.iterdir())
    assert names == sorted(path.name for path in of_command.iterdir()) and len(names) > 5
    for name in names:
        assert (own / name).read_bytes() == (of_command / name).read_bytes(), name


@pytest.mark.slow
def test_train_writes_the_same_bytes_and_says_nothing_when_quiet(folders):
    folder, output = folders
    flags = [f"--{name}={value}" for name, value in SMALL.items()]
    flags += [f"--data_dir={folder / 'data'}", f"--run_dir={folder / 'run_of_command'}"]
    by_command("amh_tf.train", *flags)
    for name in ("config.json", "metrics.json", "predictions.csv", "inputs.json"):
        own = (folder / "run" / name).read_bytes()
        assert own == (folder / "run_of_command" / name).read_bytes(), name
    assert output.count("\n") == 1 and "AMH-2" in output
    assert 0 <= float(output.split()[0]) <= 1


def test_run_knows_itself_and_is_scored_again(folders, capsys):
    run = amh_tf.load(folders[0] / "run")
    assert len(run.classes) == 7 and run.config.training.seed == 3
    before = run.metrics
    report = run.evaluate("test", quiet=True)
    assert report["confusion_matrix"] == before["test"]["confusion_matrix"]
    dropped = run.evaluate("train", drop=["video"], quiet=True)
    assert set(dropped) == {"audio+text+video", "audio+text"}
    assert capsys.readouterr().out == ""
    with pytest.raises(errors.InputError, match=r"`split`.*train, dev, test.*'all'"):
        run.evaluate("all")


def test_finished_run_is_not_repeated_in_a_process_that_has_used_tensorflow(folders):
    model = folders[0] / "run" / "model.keras"
    before = model.stat().st_mtime_ns
    run = amh_tf.train(folders[0] / "data", folders[0] / "run", quiet=True, **SMALL)
    assert run.folder == folders[0] / "run" and model.stat().st_mtime_ns == before
    with pytest.raises(errors.InputError, match=r"other settings.*learning_rate"):
        amh_tf.train(folders[0] / "data", run.folder, quiet=True, learning_rate=0.5, **SMALL)


def flags_of(command):
    """Returns the default of each flag that a command has of its own, by name."""
    finished = commands.run("-m", command, "--helpxml")
    text = finished.stdout[finished.stdout.index("<?xml") :]
    flags = [
        flag for flag in ElementTree.fromstring(text).iter("flag") if flag.find("key") is not None
    ]
    return {flag.findtext("name"): flag.findtext("default") for flag in flags}


def test_keywords_of_train_are_the_flags():
    names = {*settings.TrainingSettings.__annotations__, "data_dir", "run_dir", "recipe"}
    assert names == set(flags_of("amh_tf.train"))


def test_keywords_of_prepare_are_the_flags_with_their_defaults():
    flags = flags_of("amh_tf.prepare")
    names = {*settings.PreparationSettings.__annotations__, "source", "source_dir", "output_dir"}
    fields = preparation.Preparation.__dataclass_fields__
    assert names == set(flags) == set(fields)
    for name in names - {"source", "output_dir"}:
        own = fields[name].default
        own = ",".join(map(str, own)) if isinstance(own, tuple) else own
        own = str(own).lower() if isinstance(own, bool) else own
        assert (flags[name] or "None") == (str(own) or "None"), name  # as absl shows paths


@pytest.mark.parametrize(
    ("known", "name", "value", "problem"),
    [
        ("TrainingSettings", "hopps", 7, "`hopps` is not known to f. Expected 'hops'"),
        ("TrainingSettings", "learning_rates", 1, "'learning_rate'"),
        ("TrainingSettings", "xyzzy", 1, "one of audio_dropout, .*xyzzy=1"),
        ("TrainingSettings", "hops", "7", "Expected an integer or None. Received: hops='7'"),
        ("TrainingSettings", "hops", True, "hops=True"),
        ("TrainingSettings", "bucketing", 1, "True or False"),
        ("TrainingSettings", "learning_rate", "fast", "a number"),
        ("TrainingSettings", "seeds", 5, "a sequence of an integer"),
        ("TrainingSettings", "seeds", "12", "a sequence"),
        ("TrainingSettings", "seeds", ["1"], "a sequence"),
        ("PreparationSettings", "glove", 5, "a text or a path or None"),
        ("PreparationSettings", "protocol", "given", "'protocols'"),
        ("PreparationSettings", "protocols", "given", "a sequence of a text"),
        ("PredictionSettings", "txt", "a", "'text'"),
    ],
)
def test_keyword_is_refused(known, name, value, problem):
    with pytest.raises(errors.InputError, match=problem):
        keywords.check("f", {name: value}, getattr(settings, known))


def test_keyword_is_taken(tmp_path):
    chosen = {"hops": None, "learning_rate": 1, "seeds": (1, 2), "cache_dir": tmp_path}
    keywords.check("f", chosen, settings.TrainingSettings)
    assert keywords.with_paths_as_text(chosen)["cache_dir"] == str(tmp_path)
    assert set(chosen) <= set(typing.get_type_hints(settings.TrainingSettings))


@pytest.mark.parametrize(
    ("source", "more", "problem"),
    [
        ("plantd", {}, "`source` is not known.*'planted'"),
        ("planted", {"planted_sizes": (1, 2)}, "`planted_sizes`.*three"),
        ("planted", {"planted_sizes": (1, 2, 0)}, "`planted_sizes`.*at least 1"),
        ("planted", {"audio_features": "mfcc"}, "`audio_features` is not used by.*folds"),
        ("ravdess", {}, "`source_dir` is missing"),
        ("planted", {"records_per_shard": 0}, "`records_per_shard` is out of range"),
        ("planted", {"feature_dtype": "float64"}, "`feature_dtype` is not known"),
    ],
)
def test_preparation_is_refused_before_anything_is_written(tmp_path, source, more, problem):
    with pytest.raises(errors.InputError, match=problem):
        amh_tf.prepare(source, tmp_path / "data", quiet=True, **more)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "imports",
    [
        "import amh_tf; train, prepare = amh_tf.train, amh_tf.prepare",
        "from amh_tf import train, prepare",
        "import amh_tf.train, amh_tf.prepare; from amh_tf import train, prepare",
        "import amh_tf.prepare, amh_tf.train; train, prepare = amh_tf.train, amh_tf.prepare",
        "import importlib; train, prepare = map(importlib.import_module, "
        "['amh_tf.train', 'amh_tf.prepare'])",
        "from amh_tf import train, prepare; import amh_tf.train, amh_tf.prepare",
    ],
)
def test_functions_are_called_whatever_was_imported_first(imports):
    output = in_python(
        f"{imports}\n"
        "import inspect\n"
        "for function, wrong in ((train, {'hopps': 1}), (prepare, {'nam': 1})):\n"
        "    try:\n"
        "        function('x', 'y', **wrong)\n"
        "    except amh_tf.errors.InputError as error:\n"
        "        first = list(inspect.signature(function).parameters)[0]\n"
        "        print(error, first, function.__doc__[:6])\n"
    )
    train, prepare = output.splitlines()
    assert "'hops'" in train and train.endswith("data_dir Trains")
    assert "'name'" in prepare and prepare.endswith("source Writes")
