"""A timeline for other programs."""

import json

from amh_tf.segments import cues, tables, textgrid


def _labels(timeline):
    return [(entry.segment, entry.label) for entry in timeline.entries]


def _csv(timeline):
    rows = [
        (entry.segment, entry.emotion, entry.probabilities, entry.problem)
        for entry in timeline.entries
    ]
    return tables.text(rows, timeline.classes)


WRITERS = {
    "csv": _csv,
    "json": lambda timeline: json.dumps(timeline.as_dict(), indent=1, ensure_ascii=False) + "\n",
    "srt": lambda timeline: cues.srt(_labels(timeline)),
    "vtt": lambda timeline: cues.vtt(_labels(timeline)),
    "textgrid": lambda timeline: textgrid.text(_labels(timeline), timeline.seconds),
}
