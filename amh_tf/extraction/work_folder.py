"""What is done so far: one file for each group of recordings, whole or absent."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from amh_tf import errors, files, folders, schema
from amh_tf.data import framing
from amh_tf.extraction import extracted, file_digests

SETTINGS_FILE = "settings.json"
# Recordings of no file, such as a table's lines of text, that share a file here.
WORDS_TOGETHER = 512


@dataclasses.dataclass(frozen=True)
class Group:
    """Recordings whose features are made together, and kept in one file.

    Attributes:
        number: Its place in the corpus, from 0.
        recordings: Tuple of `recording.Recording`.
        key: Text that differs where the features may differ: it covers the settings, the
            files' content, the spans and the words, but not where the files are.
    """

    number: int
    recordings: tuple
    key: str


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a group's file says of a recording, without its features.

    Attributes:
        id: The recording's.
        words: Its text, recognized or of the corpus.
        file, problem: What is wrong with which file; "" where nothing is.
        notes: As of `extracted.Extracted`.
    """

    id: str
    words: str
    file: str = ""
    problem: str = ""
    notes: tuple = ()


def plan(corpus, settings, fingerprint, progress, remembered=""):
    """Cuts a corpus into groups, and reads all its files once to know them again.

    Args:
        corpus: `recording.Corpus`.
        settings: `Settings`.
        fingerprint: The `Extractor`'s.
        progress: Context manager factory as `amh_tf.progress.bar`.
        remembered: What the data set is called in the user's cache, where the digests of files
            stay until these change; "" to read all files.

    Returns:
        List of `Group`.
    """
    groups = []
    with (
        file_digests.remembered(remembered) as digest,
        progress(len(corpus.recordings), "checking files", "utterances") as bar,
    ):
        for number, recordings in enumerate(_together(corpus, settings)):
            described = [_describe(utterance, settings, digest) for utterance in recordings]
            text = json.dumps([fingerprint, described])
            key = hashlib.sha256(text.encode()).hexdigest()
            groups.append(Group(number, tuple(recordings), key))
            bar.advance(len(recordings))
    return groups


def _together(corpus, settings):
    """Lists the recordings of each group.

    Those of which no file is read share nothing and take no time: a file each would take longer
    to write and read than all else. Where an encoder reads the sound or the words, recordings are
    together that it can compute side by side.
    """
    members = {}
    for utterance in corpus.recordings:
        members.setdefault(utterance.group, []).append(utterance)
    side_by_side = max((one.batch for one in settings.encoders.values()), default=1)
    joined, most = [], 0
    for recordings in members.values():
        only_words = not any(_files(utterance, settings) for utterance in recordings)
        limit = WORDS_TOGETHER if only_words else side_by_side
        is_open = joined and len(joined[-1]) < limit == most
        if is_open and (only_words or len(joined[-1]) + len(recordings) <= limit):
            joined[-1] += recordings
        else:
            joined.append(recordings)
        most = limit
    return joined


def _files(utterance, settings):
    """Lists the files of a recording that are read, each with the part of it."""
    read = []
    if settings.needs_sound and utterance.audio:
        read.append((utterance.audio, utterance.audio_start, utterance.audio_end))
    if "video" in settings.modalities and utterance.video:
        read.append((utterance.video, utterance.video_start, utterance.video_end, utterance.side))
    return read


def _describe(utterance, settings, digest):
    described = [utterance.id]
    for path, *part in _files(utterance, settings):
        described += [digest(path), *part]
    if "text" in settings.modalities:
        described.append(utterance.transcript)
    return described


class WorkFolder:
    """The folder of what is done so far.

    Args:
        path: The folder; it need not exist yet.
    """

    def __init__(self, path):
        self.path = Path(path)

    def start(self, recipe):
        """Makes the folder, or checks that it was begun with the same settings, and sweeps it.

        Args:
            recipe: The `Extractor`'s.

        Raises:
            ValueError: If it was begun with others.
        """
        settings = self.path / SETTINGS_FILE
        if settings.exists():
            stored = files.read_json(settings, "the settings of an extraction that was stopped")
            different = [
                f"{name} was {stored.get(name)}, now {recipe.get(name)}"
                for name in sorted(stored.keys() | recipe.keys())
                if stored.get(name) != recipe.get(name)
            ]
            if different:
                raise errors.refusal(
                    f"{str(self.path)!r} was started with other settings",
                    "the same settings to continue",
                    "; ".join(different),
                    "Delete it, or choose another folder with --output_dir.",
                )
            folders.sweep(self.path)
            return
        if not folders.is_vacant(self.path):
            raise errors.refusal(
                f"{str(self.path)!r} is not a folder that holds an extraction",
                f"a new folder, or one with a {SETTINGS_FILE}",
                "other files",
                "Choose another folder with --output_dir.",
            )
        files.write_text(settings, json.dumps(recipe, indent=1) + "\n")

    def file(self, group):
        """Returns the path of a group's file."""
        return self.path / f"{group.number:05d}-{group.key[:16]}.tfrecord"

    def save(self, group, results):
        """Writes a group's file.

        Args:
            group: `Group`.
            results: List of `extracted.Extracted`, one for each of its recordings.

        Returns:
            List of `Summary`.
        """
        summaries = [
            Summary(
                result.id,
                result.words,
                result.file,
                str(result.problem or ""),
                tuple(result.notes),
            )
            for result in results
        ]
        header = {
            "key": group.key,
            "widths": {name: getattr(results[0], name).shape[1] for name in schema.MODALITIES},
            "found": [[*vars(summary).values()] for summary in summaries],
        }
        # Not waited for: `load` checks every byte, and what a power cut costs is made again.
        with (
            files.replacing(self.file(group), wait=False) as temporary,
            tf.io.TFRecordWriter(str(temporary)) as writer,
        ):
            writer.write(json.dumps(header).encode())
            for result in results:
                if not result.problem:
                    writer.write(_encode(result))
        return summaries

    def load(self, group):
        """Checks a group's file from end to end.

        Returns:
            List of `Summary`, or None where there is no such file or it is not whole.
        """
        if not self.file(group).is_file():
            return None
        try:
            records = self._records(group)
            header = json.loads(next(records))
            count = sum(1 for _ in records)
            summaries = [Summary(*fields) for fields in header["found"]]
        except (OSError, StopIteration, ValueError, TypeError, KeyError):
            return None
        same = [summary.id for summary in summaries] == [
            utterance.id for utterance in group.recordings
        ]
        good = sum(not summary.problem for summary in summaries)
        has_widths = isinstance(header.get("widths"), dict)  # not of earlier versions
        whole = header["key"] == group.key and has_widths and same and count == good
        return summaries if whole else None

    def features(self, group):
        """Yields what was made of a group's recordings, without those with a problem.

        Yields:
            `extracted.Extracted`.
        """
        records = self._records(group)
        widths = json.loads(next(records))["widths"]
        for record in records:
            feature = tf.train.Example.FromString(record).features.feature
            fields = {name: feature[name].bytes_list.value[0] for name in sorted(feature)}
            yield extracted.Extracted(
                fields["id"].decode(),
                *(_decode(fields[name], widths[name]) for name in schema.MODALITIES),
                fields["words"].decode(),
            )

    def _records(self, group):
        path = self.file(group)
        with open(path, "rb", buffering=0) as file:
            for frame in framing.walk(file, path):
                yield framing.read_payload(file, path, *frame)


def _decode(data, width):
    values = np.frombuffer(data, "<f4")
    return values.reshape(len(values) // width if width else 0, width)


def _encode(result):
    values = {
        "id": result.id.encode(),
        "words": result.words.encode(),
    }
    for name in schema.MODALITIES:
        values[name] = np.ascontiguousarray(getattr(result, name), "<f4").tobytes()
    feature = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in values.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)
