"""The features of a recording's segments, each file decoded once, kept batch by batch."""

import dataclasses
import itertools

import numpy as np

from amh_tf import errors
from amh_tf.extraction import reading
from amh_tf.features import media
from amh_tf.prediction import clip as clips
from amh_tf.prediction import clip_features, predictor
from amh_tf.prediction.timeline import work as works


@dataclasses.dataclass(frozen=True)
class Batch:
    """Segments that are answered together.

    Attributes:
        name: Of its file in the work folder.
        places: Tuple of their places in the list of segments.
    """

    name: str
    places: tuple


def clip_of(request, spoken):
    """Returns the `Clip` that `predict` would be asked of a segment.

    Args:
        request: `making.Request`.
        spoken: `segment.Segment`.
    """
    return clips.Clip(
        video=request.video,
        audio=request.audio,
        text=spoken.text,
        start=spoken.start,
        end=spoken.end,
        side=spoken.side or request.side,
    )


def batches(segments, key):
    """Cuts segments into batches in the order in which their ends come: always the same ones.

    Args:
        segments: List of `segment.Segment`.
        key: Text that differs where the features may differ.

    Returns:
        List of `Batch`.
    """
    order = sorted(range(len(segments)), key=lambda place: (segments[place].end, place))
    cut = [order[at : at + predictor.BATCH] for at in range(0, len(order), predictor.BATCH)]
    described = [[dataclasses.astuple(segments[place])[:5] for place in batch] for batch in cut]
    return [
        Batch(f"{number:05d}-{works.key(key, described[number])}", tuple(batch))
        for number, batch in enumerate(cut)
    ]


class FeatureMaker:
    """Makes the features of segments, and keeps them.

    Args:
        reader: `clip_features.ClipReader`.
        request: `making.Request`.
        segments: List of `segment.Segment`.
        work: `works.Work`.
    """

    def __init__(self, reader, request, segments, work):
        self._reader, self._request, self._work = reader, request, work
        self._clips = [clip_of(request, spoken) for spoken in segments]

    def make(self, missing, bar):
        """Makes what the work folder lacks.

        Args:
            missing: List of `Batch`.
            bar: As `progress.bar` yields it, counted in segments.
        """
        waiting, made = list(missing), {}
        places = [place for batch in missing for place in batch.places]
        for place, decoded, problem in self._decoded(places):
            made[place] = str(problem) if problem else self._read(place, decoded)
            bar.advance()
            while waiting and all(place in made for place in waiting[0].places):
                batch = waiting.pop(0)
                self._save(batch, [made.pop(place) for place in batch.places])

    def load(self, batch):
        """Returns the clip, and its `ClipFeatures` or the text of a problem, of each segment.

        Returns:
            List of pairs; None where the batch is not made yet.
        """
        stored = self._work.load(batch.name)
        if stored is None:
            return None
        fields, arrays = stored
        return [
            (self._clips[place], _features(entry, arrays, number))
            for number, (place, entry) in enumerate(zip(batch.places, fields))
        ]

    def _read(self, place, decoded):
        """Returns `ClipFeatures`, or the text of what is wrong with the segment."""
        request, clip = self._request, self._clips[place]
        try:
            made = self._reader.read(clip, *request.sources, request.recognizer, None, decoded)
        except errors.InputError as problem:  # such as nothing in it for the model
            return str(problem)
        # What was heard and seen has become features.
        return dataclasses.replace(made, waveform=None, frames=None)

    def _decoded(self, places):
        """Yields place, `Decoded` and None, or None and a problem, of each segment.

        Sound and pictures come in about the same order, that of their ends, so that few wait for
        the other.
        """
        if not places:
            return
        clip = self._clips[places[0]]
        maker = self._reader.maker_of(clip, *self._request.sources)
        recordings = [self._recording(place) for place in places]
        sounds = [(number, None, None) for number in range(len(places))]
        pictures = [(*nothing, True) for nothing in sounds]
        notes, halves = set(), {}
        if any(self._reader.needs_sound(self._clips[place]) for place in places):
            sounds = reading.sounds(recordings[0].audio, recordings, notes)
        if self._reader.needs_pictures(clip):
            pictures = maker.films(recordings[0].video, recordings, notes)
        for both in itertools.zip_longest(sounds, pictures):
            for kind, (number, *half) in enumerate(filter(None, both)):
                halves.setdefault(number, {})[kind] = half
                if len(halves[number]) == 2:
                    heard, seen = map(halves.pop(number).get, (0, 1))
                    (waveform, unheard), (frames, unseen, has_region) = heard, seen
                    remarks = notes if has_region else notes | {media.FACELESS}
                    decoded = clip_features.Decoded(waveform, frames, frozenset(remarks))
                    yield places[number], decoded, unheard or unseen

    def _recording(self, place):
        clip = self._clips[place]
        span = {"audio_start": clip.start, "audio_end": clip.end}
        return dataclasses.replace(clip.recording(), **span)

    def _save(self, batch, made):
        fields, arrays = [], {}
        for number, one in enumerate(made):
            if isinstance(one, str):
                fields.append({"problem": one})
                continue
            fields.append(
                {
                    "text": one.text,
                    "words": one.words,
                    "audio_start": one.audio_start,
                    "notes": one.notes,
                }
            )
            arrays.update({f"{name}_{number}": array for name, array in one.sequences.items()})
        self._work.save(batch.name, fields, arrays)


def _features(entry, arrays, number):
    if "problem" in entry:
        return entry["problem"]
    names = {name: f"{name}_{number}" for name in ("audio", "text", "video")}
    return clip_features.ClipFeatures(
        sequences={name: np.asarray(arrays[stored]) for name, stored in names.items()},
        statistics={},
        text=entry["text"],
        words=entry["words"],
        waveform=None,
        frames=None,
        audio_start=entry["audio_start"],
        notes=entry["notes"],
    )
