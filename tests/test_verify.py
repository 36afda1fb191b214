"""`python -m amh_tf.verify`, in a process of its own."""

import random
import shutil

from tests import commands
from tests.commands import assert_refused
from tests.data import damages


def test_whole_set_is_told_apart_from_a_damaged_one(tiny_data, tmp_path):
    folder = shutil.copytree(tiny_data.folder, tmp_path / "set")
    finished = commands.run("-m", "amh_tf.verify", f"--data_dir={folder}")
    assert finished.returncode == 0, finished.stderr
    assert f"{folder} is whole" in finished.stdout and "66 utterances" in finished.stdout
    first, second = tiny_data.shards[0].file, tiny_data.shards[3].file
    record = damages.DAMAGES["byte of a payload"][0](folder, first, random.Random(1))
    damages.DAMAGES["missing"][0](folder, second, None)
    finished = commands.run("-m", "amh_tf.verify", f"--data_dir={folder}")
    assert_refused(finished, "has 3 faults", "prepare the data set again")
    assert f"{first}', record {record} at byte" in finished.stdout
    assert f"{second}': it cannot be read" in finished.stdout
    shutil.rmtree(folder)
    assert_refused(
        commands.run("-m", "amh_tf.verify", f"--data_dir={folder}"), "is not a data folder"
    )
