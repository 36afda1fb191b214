"""From a corpus of raw recordings to a data folder; stopped work continues where it stopped."""

import importlib
import shutil
import time
from pathlib import Path

from amh_tf import errors, feature_kinds, folders, progress
from amh_tf.corpora import source
from amh_tf.data import dev_part, manifest, protocol_folds, writer
from amh_tf.extraction import extracted_source, extractor, groups, work_folder


def write(
    corpus,
    settings,
    folder,
    records_per_shard=256,
    protocols=None,
    num_folds=protocol_folds.NUM_FOLDS,
    fold_seed=0,
    feature_dtype="float32",
    glove=None,
    on_error="stop",
    keep_work=False,
    runner=None,
    beam_options="",
    dev_speakers=dev_part.SPEAKERS,
    fold_repeats=1,
):
    """Makes the features of a corpus and writes its data folder.

    What is done is kept beside the data folder, in a folder of the same name with `.work`
    behind it, until all is done: the same call continues there, and the shards are the same
    bytes as without a stop.

    Args:
        corpus: `recording.Corpus`.
        settings: `amh_tf.extraction.settings.Settings`.
        folder: Data folder; new, empty, or holding the same data set.
        records_per_shard, protocols, num_folds, fold_seed, feature_dtype, dev_speakers,
            fold_repeats: As for `writer.write`.
        glove: File of word vectors, or None.
        on_error: "stop" to end at the first recording that cannot be used, "skip" to list
            it in `problems.csv` and continue.
        keep_work: Whether the work folder stays.
        runner: Name of Beam's runner, or None to work in this process.
        beam_options: Beam's own options, as on a command line.

    Returns:
        `amh_tf.data.manifest.Manifest`.

    Raises:
        ValueError: If a recording cannot be used under "stop", the folder holds anything
            else, or a setting does not suit.
        ImportError: If a package of an extra is needed and not installed.
    """
    folder = Path(folder).resolve()
    index = [extracted_source.entry(utterance) for utterance in corpus.recordings]
    # What can be refused is refused before hours of work.
    fold_options = protocol_folds.Options(num_folds, fold_seed, dev_speakers, fold_repeats)
    published = corpus.fold_names, corpus.published
    left_out = []
    computed = protocol_folds.make(
        index, corpus.classes, protocols, fold_options, *published, tell=left_out.append
    )
    _check(folder)
    _introduce(corpus, settings, left_out)
    maker = extractor.Extractor(settings)
    if maker.recognizer_note:
        progress.console.print(maker.recognizer_note)
    for modality in settings.encoders:
        described = feature_kinds.describe(maker.recipe, modality)
        progress.console.print(f"The {modality} features: {described}.")
    planned = work_folder.plan(
        corpus, settings, maker.fingerprint, progress.bar, remembered=str(folder)
    )
    own_split = protocol_folds.keeps_vocabulary(
        [protocol.name for protocol in computed], corpus.fold_names
    )
    identity = extracted_source.fingerprint(corpus, planned, glove, own_split)
    work = work_folder.WorkFolder(folder.with_name(folder.name + ".work"))
    options = {
        "protocols": protocols,
        "num_folds": num_folds,
        "fold_seed": fold_seed,
        "feature_dtype": feature_dtype,
        "dev_speakers": dev_speakers,
        "fold_repeats": fold_repeats,
    }
    if (folder / manifest.FILE_NAME).exists():
        new_manifest = writer.write(_described(corpus, index, identity), folder, **options)
    else:
        work.start(maker.recipe)
        extraction = _extract(corpus, planned, maker, work, on_error, runner, beam_options)
        new_source, num_known = extraction.source(glove, own_split, identity, progress.bar)
        _report(extraction, new_source, num_known, len(index))
        new_manifest = writer.write(
            new_source,
            folder,
            records_per_shard,
            progress=progress.bar,
            extra_files={extracted_source.PROBLEMS_FILE: extraction.problems_csv()},
            **options,
        )
    if not keep_work:
        shutil.rmtree(work.path, ignore_errors=True)
    return new_manifest


def _check(folder):
    if not (folder / manifest.FILE_NAME).exists() and not folders.is_vacant(folder):
        raise errors.refusal(
            f"{str(folder)!r} cannot be written to",
            "a new folder, an empty one, or one with the same data set",
            "other files",
            "Choose another folder with --output_dir.",
        )


def _introduce(corpus, settings, left_out):
    progress.console.print(f"Corpus: {corpus.name}; classes: {' '.join(corpus.classes)}")
    for note in (*corpus.notes, *left_out):
        progress.console.print(note)
    if extractor.is_random(settings):
        progress.console.print(
            "NOTE: ResNet-101 has RANDOM weights. The pictures' features are of use in tests "
            "and in trying out the tools, and for nothing else."
        )


def _described(corpus, index, identity):
    """Describes a data set that is there already, for the writer to check."""
    return source.Source(
        name=corpus.name,
        synthetic=corpus.synthetic,
        classes=corpus.classes,
        widths={},
        vocabulary=(),
        embedding=None,
        index=tuple(index),
        utterances=lambda: iter(()),
        fingerprint=identity,
        fold_names=corpus.fold_names,
        published=corpus.published,
    )


def _extract(corpus, planned, maker, work, on_error, runner, beam_options):
    if runner:
        start = time.monotonic()
        options = runner, beam_options
        _beam().run(planned, maker.settings, maker.fingerprint, work, *options)
        groups.tell_speed(len(corpus.recordings), time.monotonic() - start)
    # After Beam nothing is left to do but, under "stop", to fail as without it.
    summaries = groups.extract(planned, maker, work, on_error)
    return extracted_source.Extraction(corpus, planned, summaries, work, maker)


def _beam():
    try:
        importlib.import_module("apache_beam")
    except ImportError as error:
        raise ImportError(
            "Apache Beam cannot be imported. Expected the package apache-beam for --runner. "
            f"Received: {error}. Install it with: pip install 'amh_tf[beam]'"
        ) from error
    return importlib.import_module("amh_tf.extraction.beam_pipeline")


def _report(extraction, new_source, num_known, total):
    good, bad = len(new_source.index), len(extraction.problems)
    if good + bad != total:
        raise RuntimeError(f"{total} utterances came in, {good} and {bad} went out")
    progress.console.print(
        f"{total:,} utterances in, {good:,} out, {bad:,} with a problem"
        + (f", listed in {extracted_source.PROBLEMS_FILE}." if bad else ".")
    )
    for note in extraction.notes():
        progress.console.print(note)
    words = len(new_source.vocabulary) - 2
    if num_known is not None:
        progress.console.print(f"{num_known:,} of {words:,} words have a vector.")
    rate = extraction.word_error_rate()
    if rate is not None:
        progress.console.print(
            f"Word error rate of the recognizer: {rate[0]:.3f} over {rate[1]:,} utterances "
            "with reference transcripts."
        )
