"""Damages data sets in every way that was ever seen: for tests and soaks.

A damage is a function of a data folder (a copy that it may change), the name of a shard and a
random generator. It returns the record that it hit, or None where it hit the file as a whole.
"""

import hashlib
import json
import struct

import tensorflow as tf

# How a damage is found: before a pass at the default level, while reading, with --verify=full.
QUICKLY, READING, FULL = "quickly", "reading", "full"
# An Example whose id claims that length, at which TensorFlow's parser ends the process.
SIXTEEN_GIGABYTES = b"\n\x14\n\x12\n\x02id\x12\x0c\n\n\n\xff\xff\xff\xff>u000"


def frames(data):
    """Lists where each record of an undamaged shard starts and ends."""
    spans, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        spans.append((at, at + 16 + length))
        at = spans[-1][1]
    return spans


def _edit(folder, name, change):
    path = folder / name
    data = bytearray(path.read_bytes())
    record = change(data, frames(data))
    path.write_bytes(data)
    return record


def _flip(inside):
    """Flips one bit of a byte that `inside(start, end, rng)` chooses in a record."""

    def damage(folder, name, rng):
        def change(data, spans):
            record = rng.randrange(len(spans))
            data[inside(*spans[record], rng)] ^= 1 << rng.randrange(8)
            return record

        return _edit(folder, name, change)

    return damage


def _cut(inside):
    """Cuts the file at a byte that `inside(start, end, rng)` chooses in a record."""

    def damage(folder, name, rng):
        def change(data, spans):
            record = rng.randrange(len(spans))
            at = inside(*spans[record], rng)
            del data[at:]
            return None if at == spans[record][0] else record

        return _edit(folder, name, change)

    return damage


def _cut_at_record(folder, name, rng):
    return _edit(folder, name, lambda data, spans: data.__delitem__(slice(spans[-1][0], None)))


def _empty(folder, name, rng):
    (folder / name).write_bytes(b"")


def _remove(folder, name, rng):
    (folder / name).unlink()


def _folder_instead(folder, name, rng):
    (folder / name).unlink()
    (folder / name).mkdir()


def _append_garbage(folder, name, rng):
    with open(folder / name, "ab") as file:
        file.write(rng.randbytes(rng.randrange(1, 40)))


def _repeat_record(folder, name, rng):
    def change(data, spans):
        start, end = rng.choice(spans)
        data += data[start:end]

    return _edit(folder, name, change)


def _exchange_records(folder, name, rng):
    def change(data, spans):
        (start, middle), (_, end) = spans[:2]
        data[start:end] = data[middle:end] + data[start:middle]

    return _edit(folder, name, change)


def _zeros(folder, name, rng):
    def change(data, spans):
        data[:] = bytes(len(data))
        return 0

    return _edit(folder, name, change)


def _rewrite(change):
    """Rewrites one record, `change` of its payload, with right checksums."""

    def damage(folder, name, rng):
        path = folder / name
        data = path.read_bytes()
        spans = frames(data)
        record = rng.randrange(len(spans))
        with tf.io.TFRecordWriter(str(path)) as writer:
            for number, (start, end) in enumerate(spans):
                payload = data[start + 12 : end - 4]
                writer.write(change(payload) if number == record else payload)
        return record

    return damage


def _reencode(change_example):
    """Rewrites one record with other content."""

    def change(payload):
        example = tf.train.Example.FromString(payload)
        change_example(example.features.feature)
        return example.SerializeToString(deterministic=True)

    return _rewrite(change)


def _with_manifest(damage):
    """Also makes the manifest agree with the damaged file's bytes, as a forger would."""

    def both(folder, name, rng):
        record = damage(folder, name, rng)
        data = (folder / name).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        _lie(lambda shard: shard.update(bytes=len(data), sha256=digest))(folder, name, rng)
        return record

    return both


def _lie(change):
    def damage(folder, name, rng):
        path = folder / "dataset.json"
        fields = json.loads(path.read_text())
        change(next(shard for shard in fields["shards"] if shard["file"] == name))
        path.write_text(json.dumps(fields))

    return damage


def _one_more(shard):
    shard["records"] += 1
    shard["label_counts"][0] += 1


def _other_labels(shard):
    counts = shard["label_counts"]
    least, most = counts.index(min(counts)), counts.index(max(counts))
    least = (most + 1) % len(counts) if least == most else least
    counts[most] -= 1
    counts[least] += 1


def _set_label(value):
    def change(feature):
        feature["label"].int64_list.value[0] = value

    return change


def _not_a_number(feature):
    raw = feature["audio"].bytes_list.value[0]
    feature["audio"].bytes_list.value[0] = struct.pack("<f", float("nan")) + raw[4:]


def _unknown_word(feature):
    raw = feature["text"].bytes_list.value[0]
    feature["text"].bytes_list.value[0] = struct.pack("<i", 1 << 20) + raw[4:]


def _other_length(feature):
    feature["audio_length"].int64_list.value[0] += 1


def _no_text(feature):
    del feature["text"]


DAMAGES = {
    "cut inside a payload": (_cut(lambda a, b, rng: rng.randrange(a + 12, b)), QUICKLY),
    "cut inside a length": (_cut(lambda a, b, rng: rng.randrange(a + 1, a + 12)), QUICKLY),
    "cut at a record": (_cut_at_record, QUICKLY),
    "cut at a record, forged": (_with_manifest(_cut_at_record), QUICKLY),
    "cut inside a length, forged": (
        _with_manifest(_cut(lambda a, b, rng: rng.randrange(a + 1, a + 12))),
        QUICKLY,
    ),
    "byte of a payload": (_flip(lambda a, b, rng: rng.randrange(a + 12, b - 4)), READING),
    "byte of a length": (_flip(lambda a, b, rng: rng.randrange(a, a + 8)), QUICKLY),
    "byte of a length's checksum": (_flip(lambda a, b, rng: rng.randrange(a + 8, a + 12)), QUICKLY),
    "byte of a payload's checksum": (_flip(lambda a, b, rng: rng.randrange(b - 4, b)), READING),
    "empty": (_empty, QUICKLY),
    "missing": (_remove, QUICKLY),
    "a folder instead": (_folder_instead, QUICKLY),
    "zeros": (_zeros, QUICKLY),
    "garbage behind": (_append_garbage, QUICKLY),
    "record repeated": (_repeat_record, QUICKLY),
    "record repeated, forged": (_with_manifest(_repeat_record), QUICKLY),
    "records exchanged": (_exchange_records, FULL),
    "manifest lies about records": (_lie(_one_more), QUICKLY),
    "manifest lies about bytes": (_lie(lambda shard: shard.update(bytes=999)), QUICKLY),
    "manifest lies about labels": (_lie(_other_labels), QUICKLY),
    "manifest lies about SHA-256": (_lie(lambda shard: shard.update(sha256="0" * 64)), FULL),
    "label of no class, forged": (_with_manifest(_reencode(_set_label(99))), QUICKLY),
    "negative label, forged": (_with_manifest(_reencode(_set_label(-1))), QUICKLY),
    "declared length, forged": (_with_manifest(_reencode(_other_length)), READING),
    "no text, forged": (_with_manifest(_reencode(_no_text)), QUICKLY),
    "no example, forged": (
        _with_manifest(_rewrite(lambda payload: b"\xff\xb0" + payload)),
        QUICKLY,
    ),
    "string of 16 GB, forged": (_with_manifest(_rewrite(lambda _: SIXTEEN_GIGABYTES)), QUICKLY),
    "unknown word id": (_reencode(_unknown_word), FULL),
    "not a number": (_reencode(_not_a_number), FULL),
}
