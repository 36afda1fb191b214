"""Beam's pipeline writes what the plain loop writes."""

import dataclasses
import sys

import pytest

from amh_tf import errors
from amh_tf.corpora import recording
from amh_tf.extraction import groups, settings
from tests.extraction import demo

SETTINGS = settings.Settings(modalities=("audio", "text"))


def test_pipeline_gives_the_same_bytes(tmp_path, monkeypatch):
    pytest.importorskip("apache_beam", reason="the extra `beam` is not installed")
    demo.write(demo.read(), SETTINGS, tmp_path / "plain", keep_work=True)
    # What is left to the plain loop afterwards must be nothing.
    monkeypatch.setattr(groups, "tell_speed", lambda count, seconds: None)
    piped = tmp_path / "piped"
    with monkeypatch.context() as patched:
        patched.setattr(demo.from_recordings.groups, "extract", only_load)
        demo.write(demo.read(), SETTINGS, piped, keep_work=True, runner="DirectRunner")
    assert demo.contents(piped) == demo.contents(tmp_path / "plain")
    assert demo.contents(f"{piped}.work") == demo.contents(tmp_path / "plain.work")


def only_load(planned, maker, work, on_error):
    return {group.number: work.load(group) for group in planned}


def test_bad_recording_stops_the_pipeline_too(tmp_path, monkeypatch):
    pytest.importorskip("apache_beam", reason="the extra `beam` is not installed")
    corpus = demo.read()
    broken = [
        dataclasses.replace(spoken, audio=str(tmp_path / "none.wav"))
        if spoken.id == "Ses04F_impro01_M000"
        else spoken
        for spoken in corpus.recordings
    ]
    corpus = dataclasses.replace(corpus, recordings=tuple(broken))
    with pytest.raises(recording.BadRecording, match="Ses04F_impro01_M000"):
        demo.write(corpus, SETTINGS, tmp_path / "data", runner="DirectRunner")


@pytest.mark.parametrize("runner", ["NoRunner", "apache_beam.runners.NoRunner"])
def test_unknown_runner_is_refused(runner):
    pytest.importorskip("apache_beam", reason="the extra `beam` is not installed")
    from amh_tf.extraction import beam_pipeline

    with pytest.raises(errors.InputError, match=r"`runner` is not known.*--runner"):
        beam_pipeline.run([], SETTINGS, "", None, runner)


def test_packages_of_a_runner_that_are_missing_are_told(monkeypatch):
    pytest.importorskip("apache_beam", reason="the extra `beam` is not installed")
    from amh_tf.extraction import beam_pipeline

    monkeypatch.setitem(sys.modules, "apache_beam.runners.dask.dask_runner", None)
    with pytest.raises(ImportError, match=r"apache-beam\[dask\]"):
        beam_pipeline.run([], SETTINGS, "", None, "DaskRunner")


def test_missing_beam_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(ImportError, match=r"amh_tf\[beam\]"):
        demo.write(demo.read(), SETTINGS, tmp_path / "data", runner="DirectRunner")
