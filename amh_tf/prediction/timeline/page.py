"""A timeline as one page that needs nothing but, where it is large, the recording beside it."""

import base64
import hashlib
from importlib import resources

import numpy as np

from amh_tf import files, palette, templates
from amh_tf.prediction.timeline import listening, player

_SCRIPTS = ("timeline_chart.js", "timeline_detail.js", "timeline.js")
_DARK, _WHITE = "#1d2430", "#ffffff"


def write(timeline, path, media):
    """Writes the page.

    Args:
        timeline: `result.Timeline`.
        path: The page, a `Path`.
        media: One of `choices.MEDIA`.

    Returns:
        What the user should know of the player, one line each.
    """
    plays = player.of(timeline, path, media)
    files.write_text(path, page(timeline, plays))
    return list(plays.notes)


def page(timeline, plays):
    """Returns the page, HTML text.

    Args:
        timeline: `result.Timeline`.
        plays: `player.Player`.
    """
    shades = [
        {"color": color, "ink": _DARK if palette.is_light(color) else _WHITE}
        for color in palette.colors(timeline.classes)
    ]
    numbers = {name: number for number, name in enumerate(timeline.classes)}
    return templates.render(
        "prediction/timeline.html",
        timeline=timeline,
        player=plays,
        shades=shades,
        shade_of=lambda entry: f"c{numbers[entry.emotion]}" if entry.emotion else "",
        clock=clock,
        named=any(entry.segment.speaker for entry in timeline.entries),
        data=_data(timeline, shades, numbers),
        script_hash=_script_hash(),
    )


def clock(seconds):
    """Writes seconds as people read them: 1:02:03.4, or 2:03.4."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    shown = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{shown}:{rest // 10:02d}.{rest % 10}"


def _script_hash():
    """Returns what tells browsers that the page's own script may run, and no other."""
    folder = resources.files("amh_tf") / "prediction/templates"
    text = "".join((folder / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return _text(hashlib.sha256(text.encode()).digest())


def _data(timeline, shades, numbers):
    """Returns what the script is given, for JSON."""
    lanes = {}
    for entry in timeline.entries:
        lanes.setdefault(entry.segment.speaker, len(lanes))
    segments, last = [], {}
    for place, entry in enumerate(timeline.entries):
        lane = lanes[entry.segment.speaker]
        if lane in last:
            segments[last[lane]]["next"] = place
        last[lane] = place
        segments.append(_segment(entry, lane, timeline.classes, numbers))
    return {
        "seconds": timeline.seconds,
        "rate": listening.PEAKS_PER_SECOND,
        "peaks": _text(timeline.peaks.tobytes()),
        "classes": [{"name": name, **shade} for name, shade in zip(timeline.classes, shades)],
        "speakers": list(lanes),
        "said": any(entry.segment.text for entry in timeline.entries),
        "segments": segments,
    }


def _segment(entry, lane, classes, numbers):
    spoken = entry.segment
    known = {"from": spoken.start, "to": spoken.end, "lane": lane, "next": -1}
    known |= {"text": spoken.text or "", "problem": entry.problem, "stored": []}
    if not entry.problem:
        known["best"] = numbers[entry.emotion]
        known["shares"] = [round(entry.probabilities[name], 4) for name in classes]
        known["words"] = entry.words
        known["unknown"] = [place for place, is_known in enumerate(entry.known) if not is_known]
        known["stored"] = [_hop(hop) for hop in entry.hops]
    return known


def _hop(hop):
    """Returns a hop in few letters, its weights as bytes: 255 is the largest of them."""
    largest = float(hop.weights.max(initial=0))
    scaled = np.round(hop.weights * (255 / max(largest, 1e-9))).astype(np.uint8)
    times = {"f": round(hop.start, 3), "t": round(hop.end, 3)}
    shares = {"l": round(largest, 4), "e": round(hop.even, 4), "w": _text(scaled.tobytes())}
    return {"m": hop.modality, **times, **shares}


def _text(data):
    return base64.b64encode(data).decode("ascii")
