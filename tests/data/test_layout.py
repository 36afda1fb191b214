"""Records of strangers: what TensorFlow's parser gets to see, and what is refused before."""

import dataclasses
import hashlib
import random

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import message

from amh_tf import schema
from amh_tf.corpora import source
from amh_tf.data import integrity, layout, records, writer
from amh_tf.storage import faults
from tests import conftest

# Found by `tools.fuzz`: the audio of this record says that it has 16 gigabytes, and TensorFlow's
# parser ends the process.
ENDS_TENSORFLOW = (
    b"\n\xb0\x01\n\x15\n\x0caudio_length\x12\x05\x1a\x03\n\x01\x01\n%\n\x05audio\x12\x1c\n\x1a\n"
    b"\xff\xff\xff\xff>3\x1e\x85\xbf\x92\x1d@?\xd9\xc8p?\x85\xbb\xf9\xbf\xd1\xad\xa6\xbf"
    b"\n\x0e\n\x02id\x12\x08\n\x06\n\x04u000\n\x0e\n\x05label\x12\x05\x1a\x03\n\x01\x00"
    b"\n\x14\n\x0btext_length\x12\x05\x1a\x03\n\x01\x02"
    b"\n\x14\n\x04text\x12\x0c\n\n\n\x08\x02\x00\x00\x00\x02\x00\x00\x00"
    b"\n\x15\n\x0cvideo_length\x12\x05\x1a\x03\n\x01\x00\n\r\n\x05video\x12\x04\n\x02\n\x00"
)


def varint(number):
    number, coded = number % (1 << 64), b""
    while True:
        number, low = number >> 7, number & 0x7F
        coded += bytes([low | (0x80 if number else 0)])
        if not number:
            return coded


def field(tag, content):
    return bytes([tag]) + varint(len(content)) + content


def entry(name, *feature):
    return field(0x0A, field(0x0A, name.encode()) + field(0x12, b"".join(feature)))


def strings(*values):
    return field(0x0A, b"".join(field(0x0A, value) for value in values))


def numbers(*values, packed=True):
    coded = [varint(value) for value in values]
    return field(
        0x1A, field(0x0A, b"".join(coded)) if packed else b"".join(b"\x08" + c for c in coded)
    )


def entries(**changes):
    """Returns a record's entries by name, some of them other than they should be."""
    made = {
        "audio": strings(b"a" * 24),
        "audio_length": numbers(1),
        "id": strings(b"u000"),
        "label": numbers(3),
        "text": strings(b"t" * 8),
        "text_length": numbers(2),
        "video": strings(b""),
        "video_length": numbers(0),
    }
    return {name: entry(name, value) for name, value in {**made, **changes}.items()}


def payload(changed):
    return field(0x0A, b"".join(changed.values()))


@pytest.fixture
def read(tmp_path):
    """Reads the fields of a payload that stands somewhere in a file."""

    def of(data):
        path = tmp_path / "shard.tfrecord"
        path.write_bytes(b"x" * 20 + data + b"behind")
        with open(path, "rb") as file:
            return layout.read_fields(file, path, 7, 20, len(data))

    return of


def contents(data, fields):
    """Takes the strings that `layout` has found out of a payload, beside its numbers."""
    return {
        name: data[found[0] : sum(found)] if isinstance(found, tuple) else found
        for name, found in fields.items()
    }


def parsed(data):
    """Returns the same from Protocol Buffers."""
    features = tf.train.Example.FromString(data).features.feature
    return {
        name: [*feature.bytes_list.value, *feature.int64_list.value][0]
        for name, feature in features.items()
    }


@pytest.fixture
def forge(tmp_path):
    """Writes records into the first shard of a set, and a manifest that agrees with them."""

    def of(*payloads):
        data = writer.write(conftest.compact_source(), tmp_path / "set", protocols=["session"])
        shard = data.shards[0]
        path = data.path(shard.file)
        with tf.io.TFRecordWriter(str(path)) as file:
            for each in payloads:
                file.write(each)
        whole = path.read_bytes()
        digest = hashlib.sha256(whole).hexdigest()
        return data, dataclasses.replace(shard, bytes=len(whole), sha256=digest)

    return of


def test_record_that_ends_tensorflow_is_refused(forge):
    whole = payload(entries())
    data, shard = forge(whole, ENDS_TENSORFLOW)
    place = rf"{shard.file}', record 1 at byte {len(whole) + 16}: "
    problem = r"it is not a tf\.train\.Example as it was written \(a length of 16911433727 where"
    with pytest.raises(ValueError, match=place + problem):
        integrity.check_shard(data, shard)
    listed = [str(fault) for fault in integrity.shard_faults(data, shard)]
    assert len([text for text in listed if f"record 1 at byte {len(whole) + 16}" in text]) == 1
    assert [text for text in listed if "16911433727" in text]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("label", [0, 6, 300, -1, -(1 << 63), (1 << 63) - 1])
def test_fields_are_found_in_any_serialization(read, packed, label):
    made = entries(label=numbers(label, packed=packed))
    for order in (list(made), list(reversed(made))):
        data = payload({name: made[name] for name in order})
        assert parsed(data)["label"] == label
        assert contents(data, read(data)) == parsed(data)


@pytest.mark.parametrize("steps", [0, 1, 15, 16, 17, 18, 19, 20, 21, 22, 1000])
def test_features_of_any_size_are_found(read, steps):
    rng = np.random.default_rng(steps)
    utterance = source.Utterance(
        id="u" * steps,
        label=4,
        audio=rng.standard_normal((steps, 6)).astype(np.float32),
        text=rng.integers(0, 9, 3 * steps).astype(np.int32),
        video=rng.standard_normal((steps, 5)).astype(np.float32),
    )
    data = records.encode(utterance, {"audio": 6, "video": 5})
    found = contents(data, read(data))
    assert found == parsed(data)
    assert found["video"] == utterance.video.tobytes()


def test_record_cut_anywhere_is_refused(read):
    data = payload(entries())
    # The length around all fields is that of the whole record, or of what is left.
    body = b"".join(entries().values())
    for cut in [data[:end] for end in range(len(data))] + [
        field(0x0A, body[:end]) for end in range(len(body))
    ]:
        with pytest.raises(
            faults.Fault, match=r"shard.tfrecord', record 7 at byte 8: it is not a tf"
        ):
            read(cut)


@pytest.mark.parametrize(
    ("data", "problem"),
    {
        "nothing": (b"", "ends early"),
        "no fields": (b"\x0a\x00", "no id, label, audio, audio_length, text,"),
        "no example": (b"\xff\xb0" + payload(entries()), "tag 255, not 10"),
        "twice": (field(0x0A, b"".join(entries().values()) + entries()["id"]), "id twice"),
        "two lists of fields": (payload(entries()) * 2, r"\d+ bytes behind the content of tag 10"),
        "bytes behind": (payload(entries()) + b"\x00", "1 bytes behind the content of tag 10"),
        "another field": (
            payload({**entries(), "x": entry("labels", numbers(1))}),
            r"a field b'labels'",
        ),
        "long name": (payload({"x": entry("x" * 900, numbers(1))}), r"a field b'x{20}'"),
        "no text": (
            payload({k: v for k, v in entries().items() if k != "text"}),
            r"\(no text\)",
        ),
        "label in words": (payload(entries(label=strings(b"3"))), "tag 10, not 26"),
        "audio in numbers": (payload(entries(audio=numbers(3))), "tag 26, not 10"),
        "audio in floats": (payload(entries(audio=field(0x12, b"\x0a\x00"))), "tag 18, not 10"),
        "two labels": (payload(entries(label=numbers(3, 3))), "label is not one number"),
        "two labels, unpacked": (
            payload(entries(label=numbers(3, 3, packed=False))),
            "label is not one number",
        ),
        "no label": (payload(entries(label=numbers())), "label is not one number"),
        "two ids": (payload(entries(id=strings(b"a", b"b"))), "3 bytes behind"),
        "no id": (payload(entries(id=field(0x0A, b""))), "where 0 bytes are left"),
        "65 bits": (
            payload(entries(label=field(0x1A, field(0x0A, b"\xff" * 9 + b"\x02")))),
            "more than 64 bits",
        ),
        "eleven bytes": (
            payload(entries(label=field(0x1A, field(0x0A, b"\x80" * 10 + b"\x00")))),
            "more than ten bytes",
        ),
        "length beyond all": (
            payload(entries(audio=field(0x0A, b"\x0a" + varint((1 << 64) - 1) + b"a" * 24))),
            f"a length of {(1 << 64) - 1} where 24 bytes are left",
        ),
        "length short by one": (
            payload(entries(audio=field(0x0A, b"\x0a\x17" + b"a" * 24))),
            "1 bytes behind the content of tag 10",
        ),
    }.values(),
)
def test_other_layout_is_refused(read, data, problem):
    with pytest.raises(faults.Fault, match=rf"record 7 at byte 8: it is not a .*{problem}"):
        read(data)


def test_two_gigabytes_are_refused_unread(tmp_path):
    path = tmp_path / "shard.tfrecord"
    path.touch()
    with open(path, "rb") as file, pytest.raises(faults.Fault, match="2147483648 bytes"):
        layout.read_fields(file, path, 0, 12, 1 << 31)


def test_what_is_accepted_is_what_protobuf_reads(read):
    rng = random.Random(2)
    data = payload(entries())
    accepted = 0
    for _ in range(3000):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 2))):
            changed[rng.randrange(len(changed))] = rng.choice((0, 1, 8, 10, 127, 128, 255))
        try:
            fields = read(bytes(changed))
        except faults.Fault:
            continue
        try:
            expected = parsed(bytes(changed))
        except message.DecodeError as error:
            pytest.fail(f"{bytes(changed)} was accepted: {error}")
        accepted += 1
        assert set(expected) == set(schema.EXAMPLE_FIELDS)
        assert contents(bytes(changed), fields) == expected
    assert 500 < accepted < 2500


@pytest.mark.parametrize("steps", [0, 2, -1, 1 << 40])
def test_length_that_the_bytes_deny_is_refused(forge, steps):
    lying = payload(entries(audio_length=numbers(steps)))
    data, shard = forge(payload(entries()), lying)
    with pytest.raises(
        ValueError, match=rf"record 1 .*: its audio has 24 bytes, not {steps} steps"
    ):
        integrity.check_shard(data, shard)
