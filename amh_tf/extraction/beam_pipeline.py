"""The extraction as an Apache Beam pipeline: the same files, made by many workers.

Every worker needs the recordings, the weights and the work folder under the same paths, as on
a shared file system.
"""

import shlex

import apache_beam as beam
from apache_beam.options import pipeline_options

from amh_tf import errors
from amh_tf.extraction import extractor, work_folder


class ExtractGroup(beam.DoFn):
    """Makes the features of a group and writes its file, unless it is there.

    Args:
        settings: `Settings`.
        fingerprint: What the worker's `Extractor` must have, as another weights file under
            the same path would.
        folder: Path of the `WorkFolder`.
    """

    def __init__(self, settings, fingerprint, folder):
        super().__init__()
        self._settings, self._fingerprint = settings, fingerprint
        self._folder = folder

    def setup(self):
        self._extractor = extractor.Extractor(self._settings)
        if self._extractor.fingerprint != self._fingerprint:
            raise errors.refusal(
                "A worker makes different features",
                "the same weights and packages on all machines",
                self._extractor.recipe,
            )
        self._work = work_folder.WorkFolder(self._folder)

    def process(self, group):
        if self._work.load(group) is None:
            self._work.save(group, self._extractor.group(group.recordings))
        yield group.number


def run(groups, settings, fingerprint, work, runner, options=""):
    """Runs the pipeline and waits until it has finished.

    Args:
        groups: List of `work_folder.Group`.
        settings: `Settings`.
        fingerprint: The `Extractor`'s.
        work: `work_folder.WorkFolder`, started.
        runner: Name of Beam's runner.
        options: Beam's own options, as on a command line.

    Raises:
        ValueError: If Beam has no such runner, or a group's file has not come.
        ImportError: If the runner's own packages are not installed.
    """
    with _pipeline(runner, options) as pipeline:
        _ = (
            pipeline
            | "groups" >> beam.Create(groups)
            # Neighbours would otherwise stay on one worker.
            | "spread" >> beam.Reshuffle()
            | "extract" >> beam.ParDo(ExtractGroup(settings, fingerprint, str(work.path)))
        )
    missing = [group for group in groups if not work.file(group).is_file()]
    if missing:
        raise errors.refusal(
            "The pipeline has not written all groups",
            f"{len(groups)} files in {str(work.path)!r}",
            len(groups) - len(missing),
            "Choose a folder that all workers share with --output_dir.",
        )


def _pipeline(runner, options):
    """Returns an empty pipeline; Beam's names of runners leave one of its own out."""
    named = {"DaskRunner": "apache_beam.runners.dask.dask_runner.DaskRunner"}.get(runner, runner)
    arguments = [f"--runner={named}", *shlex.split(options)]
    try:
        return beam.Pipeline(options=pipeline_options.PipelineOptions(arguments))
    except (ValueError, AttributeError) as error:  # AttributeError: of a module
        raise errors.refusal(
            "`runner` is not known to Beam",
            "a name of Beam's, such as DirectRunner, FlinkRunner or DaskRunner, or the full name "
            "of a class",
            f"runner={runner!r}",
            "Set it with --runner.",
        ) from error
    except ImportError as error:
        raise ImportError(
            "The runner cannot be imported. Expected its packages to be installed. Received: "
            f"{error}. Install them, such as with: pip install 'apache-beam[dask]'"
        ) from error
