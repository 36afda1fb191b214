"""Opening a run: its folder, its settings, and the fold that it was trained on."""

from pathlib import Path

from amh_tf import config, errors
from amh_tf.data import folds
from amh_tf.data import manifest as manifests
from amh_tf.runs import run_folder


def find_fold(
    run_config: config.RunConfig, data_dir: str | Path | None = None, verify: str = "sizes"
) -> folds.Fold:
    """Finds the fold that a run was trained on.

    Args:
        run_config: The run's settings.
        data_dir: Where the run's data set is now, if it has moved.
        verify: How its shards are checked, as in `DataConfig`.

    Raises:
        InputError: If the data folder cannot be read, or holds another data set.
    """
    manifest = manifests.load(data_dir or run_config.data.data_dir)
    if manifest.fingerprint != run_config.data_fingerprint:
        raise errors.refusal(
            f"{str(manifest.location)!r} is not the data set of this run",
            f"the one that was at {run_config.data.data_dir!r}",
            f"the {manifest.name}",
            "Set it with --data_dir.",
        )
    return folds.choose(manifest, run_config.data.protocol, run_config.data.fold, verify)


def open_run(
    run_dir: str | Path, data_dir: str | Path | None = None, verify: str = "sizes"
) -> tuple[run_folder.RunFolder, config.RunConfig, folds.Fold]:
    """Opens a run and its data set.

    Args:
        run_dir: The run's folder.
        data_dir: Where the run's data set is now, if it has moved.
        verify: How its shards are checked, as in `DataConfig`.

    Raises:
        InputError: If the folder is not a run's, or the data set is another one.
    """
    folder = run_folder.RunFolder(run_dir)
    run_config = folder.load_config()
    return folder, run_config, find_fold(run_config, data_dir, verify)
