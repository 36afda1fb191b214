"""Writes all that a run is deployed with."""

import json
from pathlib import Path

from amh_tf import errors, feature_kinds, files, folders
from amh_tf.deploy import edge, model_card, serving, warmup
from amh_tf.features import text
from amh_tf.runs import trained as runs_read

MODEL_CARD = "model_card.md"
CLASSES_FILE, VOCABULARY_FILE, EDGE_FILE = "classes.txt", "vocabulary.txt", "edge.json"


def next_version(folder):
    """Returns the number after the largest version in a folder, at least 1.

    Args:
        folder: Folder of the served versions; it need not exist.
    """
    if not folder.is_dir():
        return 1
    numbers = [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()]
    return max(numbers, default=0) + 1


def write(run_dir, output_dir, data_dir=None, model_name="amh", web_runtime=None):
    """Writes `serving/<version>/`, `edge/` and `model_card.md`, and `web/` if asked to.

    A served version that is there stays as it is: a new one gets the next number. The edge
    module, the card and the page are those of the newest.

    Args:
        run_dir: Folder of a finished run.
        output_dir: Where to write.
        data_dir: Where the run's data set is now, if it has moved.
        model_name: What the server calls the model.
        web_runtime: For the live page, what `web_runtime.read` returns; None for no page.

    Returns:
        Path of the served version, path of the edge module, and a list of why sound and words
        cannot be given to it, where they cannot.

    Raises:
        ValueError: If the run is not finished or damaged, the output cannot be written, or another
            process is writing there.
    """
    output = Path(output_dir)
    _check_ours(output / "edge", "saved_model.pb", "an edge module")
    trained = runs_read.read(run_dir, data_dir)
    if web_runtime:
        from amh_tf.deploy import web_page  # needs the extra onnx

        _check_ours(output / "web", "model.json", "a live page")
        web_page.check(trained)
    with folders.locked(output, "output_dir"):
        version = next_version(output / "serving")
        served = output / "serving" / str(version)
        # A server loads a version as soon as its name is there: the last of all.
        with folders.new_folder(served) as temporary:
            module = serving.save(trained, temporary)
            signatures = _input_names(module)
            warmup.write(temporary, model_name, signatures, trained.config)
            card = model_card.text(trained, version, signatures)
            (temporary / "assets.extra" / MODEL_CARD).write_text(card, encoding="utf-8")
            with folders.replaced(output / "edge") as edge_folder:
                edge.save(trained.model, trained.config, edge_folder)
                _write_tables(trained, edge_folder / "assets.extra")
            if web_runtime:
                with folders.replaced(output / "web") as web_folder:
                    web_page.save(trained, web_folder, web_runtime, card, run_dir)
            files.write_text(output / MODEL_CARD, card)
    refused = [trained.refusals[name] for name in trained.refusals if name != "video"]
    return served, output / "edge", [problem for problem in refused if problem]


def _input_names(module):
    names = {}
    for signature, function in module.functions.items():
        (specs,) = function.input_signature
        names[signature] = [specs.name] if signature == "classify" else list(specs)
    return names


def _check_ours(folder, file, what):
    """Checks that a folder may be replaced: it is one of former exports, or there is none."""
    if not folders.is_vacant(folder) and not (folder / file).is_file():
        raise errors.refusal(
            f"{str(folder)!r} is not {what}",
            "a new folder, or an export to renew",
            "other files",
            "Choose another folder with --output_dir.",
        )


def _write_tables(trained, folder):
    """Writes what a device needs beside the model: class names, and the words it knows."""
    folder.mkdir(exist_ok=True)
    (folder / CLASSES_FILE).write_text("\n".join(trained.inputs.classes) + "\n", encoding="utf-8")
    described = {
        "title": trained.config.title,
        "parameter_bytes": 4 * trained.model.count_params(),
        "standardize": trained.config.standardize,
        "max_lengths": trained.inputs.max_lengths,
        "use_energy": trained.inputs.use_energy,
        "trim_silence": trained.inputs.trim_silence,
        # What the device's script may make of recordings, and why not the rest.
        "features": {
            modality: {
                "kind": feature_kinds.record(trained.inputs.features, modality)["kind"],
                "refusal": problem,
            }
            for modality, problem in trained.refusals.items()
        },
    }
    if trained.config.reads_word_ids():
        described["text_rules"] = text.rules(trained.unspaced_scripts)
        (folder / VOCABULARY_FILE).write_bytes(trained.inputs.vocabulary_path.read_bytes())
    (folder / EDGE_FILE).write_text(json.dumps(described) + "\n", encoding="utf-8")
