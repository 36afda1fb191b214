"""The header of a NIST SPHERE file, as the Linguistic Data Consortium hands out speech.

Reference:
 - NIST, Speech Header Resources (SPHERE) 2.7
"""

import dataclasses

from amh_tf.features import media

MAGIC = b"NIST_1A\n"
# Of every sample that is not compressed; FFmpeg decodes Shorten.
_PLAIN = ("pcm", "ulaw", "mu-law", "alaw")
_SHORTEN = "pcm,embedded-shorten"
_COUNTS = ("sample_count", "channel_count", "sample_n_bytes")
_LONGEST_HEADER = 1 << 20
_LONGEST_NUMBER = 18  # digits


@dataclasses.dataclass(frozen=True)
class Header:
    """How the samples of a SPHERE file are stored.

    Attributes:
        is_compressed: Whether they are, with Shorten.
        samples: How many the file promises of each channel, or None where it does not say.
    """

    is_compressed: bool
    samples: int | None


def read_header(path):
    """Reads and checks the header of a SPHERE file.

    Returns:
        `Header`.

    Raises:
        BadRecording: If the header is damaged, declares more than the file holds, or names a
            compression that nothing here reads.
    """
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(len(MAGIC))
        length = file.read(8).strip()
        if not length.isdigit() or not len(MAGIC) + 8 <= int(length) <= _LONGEST_HEADER:
            raise media.bad(path, "is damaged", "the length of a SPHERE header", repr(length))
        text = file.read(int(length) - len(MAGIC) - 8).decode("latin-1")
    if int(length) > size:
        received = f"{size} bytes"
        raise media.bad(path, "is truncated", f"a header of {int(length)} bytes", received)
    fields, coding = _fields(path, text), ""
    coding = str(fields.get("sample_coding", "pcm")).lower()
    if coding not in _PLAIN and not coding.startswith(_SHORTEN):
        raise media.bad(
            path,
            "is compressed in a way that is not read here",
            f"SPHERE of {', '.join(_PLAIN)}, or pcm with Shorten; make a WAV file of it with "
            "sph2pipe of the LDC",
            coding,
        )
    samples = fields.get("sample_count")
    if samples is not None and coding in _PLAIN:
        width = fields.get("sample_n_bytes", 1 if coding != "pcm" else 2)
        needed = samples * fields.get("channel_count", 1) * width
        if int(length) + needed > size:
            received = f"{size - int(length)} bytes"
            expected = f"{needed} bytes, as its header declares"
            raise media.bad(path, "is truncated", expected, received)
    return Header(coding not in _PLAIN, samples)


def _fields(path, text):
    """Returns a dict of the header's fields: integers, and texts for all else."""
    fields = {}
    for line in text.split("\n"):
        name, *rest = line.split(None, 2)[:3] or [""]
        if name == "end_head":
            return fields
        if len(rest) < 2 or not rest[0].startswith("-"):
            continue
        value = rest[1].strip()
        if rest[0] == "-i" or name in _COUNTS:
            if not value.removeprefix("-").isdecimal() or len(value) > _LONGEST_NUMBER:
                raise media.bad(path, "is damaged", f"a number as {name}", repr(value[:50]))
            value = int(value)
            if value < 0 and name in _COUNTS:
                raise media.bad(path, "is damaged", f"{name} of at least 0", value)
        fields[name] = value
    raise media.bad(path, "is damaged", "a SPHERE header with an end", "none")
