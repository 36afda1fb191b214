"""Commands on data sets in an object store: moto serves S3 on 127.0.0.1."""

import json
import random
import shutil
from pathlib import Path

import pytest

from amh_tf import errors, locations
from amh_tf.corpora import planted
from amh_tf.data import writer
from tests import commands
from tests.data import damages

SMALL = ["--audio_units=6", "--text_units=5", "--video_units=4", "--batch_size=20"]
SMALL += ["--hops=1", "--modalities=at", "--max_steps=1"]


def test_location_means_the_same_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locations.resolve("data") == str(tmp_path / "data")
    for text in ("s3://bucket/a/set", "s3://bucket/a/set/"):
        assert locations.resolve(text) == "s3://bucket/a/set"


@pytest.mark.parametrize("text", ["ftp://host/set", "s3://", "s3:///", "http://host/set"])
def test_unknown_store_is_refused(text):
    with pytest.raises(ValueError, match=r"cannot be read.*s3://.*--data_dir"):
        locations.resolve(text)


def test_results_stay_on_this_machine():
    locations.check_local("run_dir", "runs/a")
    with pytest.raises(ValueError, match=r"`run_dir` cannot be an object store.*--run_dir"):
        locations.check_local("run_dir", "s3://bucket/run")
    for folder in ("./~/a", "a/~", "a~", Path("b")):
        locations.check_local("run_dir", folder)


@pytest.mark.parametrize("folder", ["~", "~/shards", "~ann/shards", Path("~/shards")])
def test_folder_of_the_librarys_functions_is_not_called_tilde(folder):
    with pytest.raises(errors.InputError, match="expanduser"):
        locations.check_local("output_dir", folder)


def lie(change):
    """Returns a function that changes the manifest of a folder."""

    def damage(folder):
        fields = json.loads((folder / "dataset.json").read_text())
        change(fields)
        (folder / "dataset.json").write_text(json.dumps(fields))

    return damage


def rewrite(name, change):
    def damage(folder):
        path = folder / name
        path.write_bytes(change(path.read_bytes()))

    return damage


SHARD = "train-00000-of-00001.tfrecord"
# What is wrong with a copy of the data set, and what the message must name.
DAMAGES = {
    "cut_shard": (rewrite(SHARD, lambda data: data[:-10]), SHARD),
    "missing_shard": (lambda folder: (folder / SHARD).unlink(), SHARD),
    "flipped": (rewrite(SHARD, lambda d: d[:5000] + bytes([d[5000] ^ 1]) + d[5001:]), "SHA-256"),
    "not_json": (rewrite("dataset.json", lambda data: data[:100]), "dataset.json"),
    "list": (rewrite("dataset.json", lambda data: b"[]"), "dataset.json"),
    "escape": (lie(lambda f: f.update(vocabulary_file="../x")), "dataset.json"),
    "no_vectors": (lambda folder: (folder / "embedding.npy").unlink(), "embedding.npy"),
    "cut_vectors": (rewrite("embedding.npy", lambda data: data[:-8]), "embedding.npy"),
    "no_manifest": (lambda folder: (folder / "dataset.json").unlink(), "is not a data folder"),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A bucket with a data set, damaged copies of it, and another set."""
    boto3 = pytest.importorskip("boto3")
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    port = server._server.server_port
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "S3_ENDPOINT": f"http://127.0.0.1:{port}",
    }
    client = boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    client.create_bucket(Bucket="bucket")
    folder = tmp_path_factory.mktemp("store")
    sizes = {"train": 30, "dev": 8, "test": 8}
    writer.write(planted.read(5, sizes), folder / "set")
    writer.write(planted.read(6, sizes), folder / "other")
    for name, (damage, _) in DAMAGES.items():
        damage(shutil.copytree(folder / "set", folder / name) or folder / name)
    shutil.copytree(folder / "set", folder / "forged")
    damages.DAMAGES["string of 16 GB, forged"][0](folder / "forged", SHARD, random.Random(1))
    for path in folder.rglob("*"):
        if path.is_file():
            client.upload_file(str(path), "bucket", str(path.relative_to(folder)))
    # What is compiled for this processor need not be compiled again.
    yield environment, folder, folder / "cache"
    server.stop()


def finish(environment, asked, cache):
    """Runs commands side by side, with one cache; returns (exit code, output) of each."""
    flag = f"--cache_dir={cache}"
    calls = [((*command, flag), {"environment": environment}) for command in asked]
    ends = commands.run_together(calls, at_once=3)
    return [(end.returncode, end.stdout + end.stderr) for end in ends]


def train(data, run_dir, *flags, fault=None, verb="train"):
    where = "output_dir" if verb == "crossval" else "run_dir"
    given = [f"--data_dir={data}", f"--{where}={run_dir}", *SMALL, *flags]
    return ["-m", *(["tests.faulty", fault] if fault else []), f"amh_tf.{verb}", *given]


def evaluate(run_dir, *flags):
    return ["-m", "amh_tf.evaluate", f"--run_dir={run_dir}", *flags]


@pytest.mark.slow
def test_exit_codes_are_the_true_ones(store, tmp_path):
    environment, folder, cache = store
    data = "s3://bucket/set"
    run, local = tmp_path / "run", tmp_path / "local"
    for status, output in finish(
        environment,
        [
            train(data, run),
            train(folder / "set", local),
            train(data, tmp_path / "folds", verb="crossval"),
        ],
        cache,
    ):
        assert status == 0, output
    # Where the data lies changes nothing.
    for name in ("metrics.json", "predictions.csv", "model.keras"):
        assert (run / name).stat().st_size > 0
    for name in ("metrics.json", "predictions.csv"):
        assert (run / name).read_bytes() == (local / name).read_bytes()
        assert (tmp_path / "folds" / "fold_00" / name).exists()

    # They were fetched once, by whichever came first, and are the folder's.
    [there] = (cache / "fetched").glob("set-*")
    for path in (folder / "set").iterdir():
        assert (there / path.name).read_bytes() == path.read_bytes()
    assert {path.name for path in there.iterdir()} == {p.name for p in (folder / "set").iterdir()}

    # All cases run at once, and each run folder has one at work in it.
    other = shutil.copytree(run, tmp_path / "other")
    cases = [
        (train(data, run), 0, "This run is finished"),
        (evaluate(local, f"--data_dir={data}"), 0, "macro recall"),
        (evaluate(other, "--drop=audio"), 0, "audio+text"),
        (train(data, run, "--seed=9"), 1, "seed was 1, now 9"),
        (evaluate(run, "--data_dir=s3://bucket/other"), 1, "is not the data set of this run"),
        (train("s3://nobody/set", tmp_path / "a"), 1, "s3://nobody/set"),
        (train("s3://bucket/nothing", tmp_path / "b"), 1, "s3://bucket/nothing"),
        (train("ftp://bucket/set", tmp_path / "c"), 1, "ftp://bucket/set"),
        (train(data, "s3://bucket/run"), 1, "`run_dir` cannot be an object store"),
        (train(data, tmp_path / "d", "--protocol=speaker"), 1, "--protocol"),
        (train(data, tmp_path / "e", "--fold=7"), 1, "`fold` is out of range"),
        (train("s3://bucket/forged", tmp_path / "h"), 1, "not a tf.train.Example"),
        (train(data, tmp_path / "i", "--cache_gigabytes=1e-6"), 0, "The run is in"),
        (train("s3://bucket/other", tmp_path / "j", "--cache_gigabytes=1e-6"), 1, "has no room"),
        (["-m", "amh_tf.verify", f"--data_dir={data}"], 0, "is whole"),
        (["-m", "amh_tf.verify", "--data_dir=s3://bucket/flipped"], 1, "1 fault"),
        (["-m", "amh_tf.audit", f"--data_dir={data}"], 0, "planted"),
        (train(data, tmp_path / "f", fault="signal"), 143, "Saved at step 1."),
        (train(data, tmp_path / "g", fault="bug"), 1, "TypeError: a bug"),
    ]
    cases += [
        (train(f"s3://bucket/{name}", tmp_path / name), 1, text)
        for name, (_, text) in DAMAGES.items()
    ]
    ends = finish(environment, [command for command, *_ in cases], cache)
    assert len(ends) >= 20
    for (command, expected, text), (status, output) in zip(cases, ends):
        assert (status, text in output) == (expected, True), f"{command} ends {status}: {output}"
