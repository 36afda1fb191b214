"""An export answers as its run does, without a server."""

import numpy as np
import pytest

import amh_tf
from amh_tf import errors


@pytest.fixture(scope="module")
def export(exported):
    return amh_tf.load(exported.folder)


@pytest.mark.slow
def test_export_answers_as_the_run(export, exported, clips):
    samples, files = clips
    texts = ["yes and no", ""]
    run = amh_tf.load(exported.run_dir)
    assert export.classes == run.classes
    for one, of_run in zip(export.predict(files, text=texts), run.predict(files, text=texts)):
        np.testing.assert_allclose(
            [*one.probabilities.values()], [*of_run.probabilities.values()], atol=1e-5
        )
    array = samples[0].astype(np.int16)
    again = export.predict(array, rate=16000, text=texts[0])
    assert again.probabilities == export.predict(files[0], text=texts[0]).probabilities
    assert len(again.plot().axes) == 1 and "model_card.md" in again._repr_html_()


@pytest.mark.parametrize("inner", [(), ("serving",), ("serving", "1")])
def test_every_folder_of_an_export_is_opened(exported, inner):
    opened = amh_tf.load(exported.folder.joinpath(*inner))
    assert opened.folder == exported.served and repr(opened).startswith("<ExportedRun")


def test_what_an_export_lacks_is_said(export, clips):
    assert any("No words" in note for note in export.predict(clips[1][0]).notes)
    for ask in (export.evaluate, lambda: export.metrics, lambda: export.config):
        with pytest.raises(errors.InputError, match=r"Received: an export\. Load the run"):
            ask()
    with pytest.raises(errors.InputError, match="no use for enroll"):
        export.predict(clips[1][0], enroll=["a.wav"])
    with pytest.raises(errors.InputError, match="holds nothing for the model"):
        export.predict(video="a.mp4", audio="", text="")


def test_edge_module_is_refused(exported):
    with pytest.raises(errors.InputError, match="not a served model"):
        amh_tf.load(exported.edge).predict(np.zeros(16000), rate=16000)
