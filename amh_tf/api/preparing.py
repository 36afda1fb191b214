"""Writing a data folder: what `amh_tf.prepare` and `python -m amh_tf.prepare` share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from amh_tf import feature_kinds, imports, locations, preparation, progress
from amh_tf.api import keywords, settings
from amh_tf.corpora import authors_folds, planted

if TYPE_CHECKING:
    from amh_tf.data.manifest import Manifest


def prepare(
    source: str,
    output_dir: settings.Path,
    source_dir: settings.Path | None = None,
    *,
    quiet: bool = False,
    **more: Unpack[settings.PreparationSettings],
) -> Manifest:
    """Writes a data folder of TFRecord shards, to train on.

    Extraction from raw recordings that was stopped continues where it stopped.

    Args:
        source: "planted" for the planted-cue set (synthetic), "folds" for the authors'
            preprocessed folds, "table" for recordings of your own, or a corpus as released, such
            as "ravdess" or "iemocap".
        output_dir: Data folder to write; new, empty, or holding the same data set.
        source_dir: Folder of the corpus; for a table, its file.
        quiet: Whether nothing is printed.
        **more: Any flag of `python -m amh_tf.prepare --help` by its name, such as
            `modalities="at"`, `protocols=["speaker_kfold"]`, `planted_sizes=(300, 50, 50)`.

    Returns:
        The `Manifest`, which says what the folder holds: `name`, `classes`, `protocols`, `folder`.

    Raises:
        InputError: If a setting is not known or impossible, or the source cannot be read.
        ImportError: If a package of an extra is needed and not installed.

    Example:

    >>> import amh_tf, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = amh_tf.prepare("planted", folder, planted_sizes=(20, 5, 5), quiet=True)
    >>> data.name
    'planted-cue set (synthetic, seed 1)'
    >>> sum(shard.records for shard in data.shards)
    30
    """
    keywords.check("amh_tf.prepare", more, settings.PreparationSettings)
    first = {"source": source, "source_dir": source_dir, "output_dir": output_dir}
    with progress.silence(quiet):
        return write({**first, **more})[1]


def write(chosen: Mapping[str, Any]) -> tuple[preparation.Preparation, Manifest]:
    """Writes a data folder by settings.

    Args:
        chosen: Dict from the name to the value of what is set; names are the keywords of `prepare`.

    Returns:
        All settings, and the folder's manifest.

    Raises:
        InputError: As for `prepare`.
    """
    values = keywords.with_paths_as_text(chosen)
    for name in ("protocols", "classes", "planted_sizes"):
        if values.get(name) is not None:
            values[name] = tuple(values[name])
    locations.check_local("output_dir", values["output_dir"])
    settled = preparation.Preparation(**values)
    names = ["records_per_shard", "feature_dtype", "protocols", "num_folds", "fold_seed"]
    names += ["fold_repeats", "dev_speakers"]
    options = {name: getattr(settled, name) for name in names}
    if options["protocols"] is not None:
        options["protocols"] = list(options["protocols"])
    if settled.source not in preparation.RAW_SOURCES:
        source = _source(settled)
        with imports.libraries():
            from amh_tf.data import writer
        return settled, writer.write(source, settled.output_dir, progress=progress.bar, **options)
    corpus = preparation.corpus(settled)
    extraction, notes = preparation.extraction_settings(settled, corpus)
    with imports.libraries():
        from amh_tf.extraction import from_recordings
    return settled, from_recordings.write(
        dataclasses.replace(corpus, notes=(*corpus.notes, *notes)),
        extraction,
        settled.output_dir,
        glove=settled.glove,
        on_error=settled.on_error,
        keep_work=settled.keep_work,
        runner=settled.runner,
        beam_options=settled.beam_options,
        **options,
    )


def _source(settled):
    """Returns features that are there already, or can be drawn, as a `Source`."""
    if settled.source == "planted":
        return planted.read(settled.planted_seed, settled.sizes)
    read = authors_folds.read(
        settled.place(),
        classes=settled.classes,
        max_lengths=settled.max_lengths,
        name=settled.name,
        transcripts=settled.transcripts,
        declared=preparation.declared(settled),
    )
    with imports.libraries():
        from amh_tf.features import text
    if "text" in read.widths or text.share_cut(read.vocabulary) >= 0.5:
        return read
    other = {"kind": feature_kinds.OTHER, "description": "no words as they are cut here"}
    return dataclasses.replace(read, features={**read.features, "text": other})
