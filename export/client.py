"""Asks a server for the emotion of an utterance:

python export/client.py --server=localhost:8500 --audio=clip.wav --text="I told you!"
python export/client.py --server=http://localhost:8501 --text="I told you!"

An address with http:// is REST, any other is gRPC. What is left out is absent. NumPy is all that
REST needs; gRPC needs tensorflow-serving-api, and TensorFlow's files without its runtime.
"""

import argparse
import base64
import importlib.util
import io
import json
import os
import sys
import types
import urllib.request
import wave
from pathlib import Path

import numpy as np

RATE, FRAME = 16000, 400  # the model's sampling rate, and the samples of its first step
DTYPES = {"DT_FLOAT": np.float32, "DT_INT32": np.int32, "DT_STRING": object}
NUMBERS = {"DT_FLOAT": 1, "DT_INT32": 3, "DT_STRING": 7}  # as in TensorFlow's types.proto
FIELDS = {"DT_FLOAT": "float_val", "DT_INT32": "int_val", "DT_STRING": "string_val"}
TIMEOUT = 30  # seconds


def _refuse(problem, expected, received):
    raise ValueError(f"{problem}. Expected {expected}. Received: {received}.")


def _no_answer(server, reason):
    return ValueError(
        f"There is no answer from {server}. Expected TensorFlow Serving: REST at "
        f"http://HOST:8501, gRPC at HOST:8500. Received: {reason}. Start it as docs/deployment.md "
        "says, or name it with --server."
    )


def read_wav(path):
    """Returns the bytes of a WAV file that the server can decode.

    Raises:
        ValueError: If it is not a whole 16-bit file at 16 kHz with at least one frame of 25 ms.
    """
    contents = Path(path).read_bytes()
    try:
        with wave.open(io.BytesIO(contents)) as file:
            rate, bits = file.getframerate(), 8 * file.getsampwidth()
            frames, channels = file.getnframes(), file.getnchannels()
            read = len(file.readframes(frames)) // (channels * bits // 8)
    except (wave.Error, EOFError) as error:
        _refuse(f"{str(path)!r} is not a WAV file", "16-bit PCM at 16 kHz", error or "its end")
    if (rate, bits) != (RATE, 16):
        expected = "16 bits at 16000 Hz; convert it with ffmpeg -i IN -ar 16000 -ac 1 OUT.wav"
        _refuse(f"{str(path)!r} has another rate or width", expected, f"{bits} bits at {rate} Hz")
    if read < frames:
        _refuse(f"{str(path)!r} is cut short", f"{frames} samples", read)
    if frames < FRAME:
        _refuse(f"{str(path)!r} is too short", f"at least {FRAME} samples, 25 ms", frames)
    return contents


def check_text(text):
    """Returns a transcript as UTF-8; a ValueError says that it is not Unicode."""
    try:
        return text.decode("utf-8").encode() if isinstance(text, bytes) else text.encode()
    except UnicodeError as error:
        _refuse("The transcript is not Unicode", "UTF-8 text", error)


def check_features(name, array, width):
    """Checks one utterance's features, `(time, width)` numbers or `(time,)` word ids.

    Raises:
        ValueError: If the width is another (None for word ids), or a feature is not finite.
    """
    array, shape = np.asarray(array), "(time)" if width is None else f"(time, {width})"
    if array.ndim != 1 + (width is not None) or array.shape[1:] not in ((), (width,)):
        _refuse(f"The {name} features have another shape", shape, array.shape)
    if width is None and array.dtype.kind not in "iu":
        _refuse(f"The {name} ids are not integers", "integers", array.dtype)
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        _refuse(f"The {name} features are not finite numbers", "finite ones", array.dtype)
    return array.astype(np.int32 if width is None else np.float32)


def pad(name, sequences, width, lengths=None):
    """Stacks sequences with zeros behind the shorter ones; at least one step, as JSON needs.

    Args:
        name: Name of the input.
        sequences: One array for each utterance; None where the modality is absent.
        width: Width of a step, or None for word ids.
        lengths: Steps to read of each, or None for all.

    Returns:
        Dict of `name` and `NAME_length`; a ValueError says what cannot be stacked.
    """
    if not len(sequences):
        _refuse("The batch is empty", "at least one utterance", "none")
    step = () if width is None else (width,)
    empty = np.zeros((0, *step), np.int32 if width is None else np.float32)
    arrays = [empty if s is None else check_features(name, s, width) for s in sequences]
    full = [len(array) for array in arrays]
    lengths = full if lengths is None else list(lengths)
    for number, (length, steps) in enumerate(zip(lengths, full, strict=True)):
        if not 0 <= length <= steps:
            problem = f"`{name}_length` of utterance {number} is out of range"
            _refuse(problem, f"0 to {steps}", length)
    padded = np.zeros((len(arrays), max(1, *full), *step), empty.dtype)
    for row, array in enumerate(arrays):
        padded[row, : len(array)] = array
    return {name: padded, f"{name}_length": np.array(lengths, np.int32)}


class _Client:
    """What both kinds of client share: the server's address, and what it calls the model."""

    def __init__(self, server, model="amh"):
        self.server, self.model = server, model

    def recording(self, wav=None, text="", video=None):
        """Asks about one recording; returns a dict from class name to probability.

        Args:
            wav: Bytes of a WAV file, or None.
            text: Transcript.
            video: `(time, width)` features, or None.
        """
        signatures = self.signatures()
        signature = next((s for s in ("raw_wav", "raw") if s in signatures), None)
        if signature is None:
            problem = "The model takes features alone, its card says why: it reads no recordings"
            _refuse(problem, "a signature raw", sorted(signatures))
        specs, inputs = signatures[signature], {}
        if "wav_bytes" in specs:
            inputs["wav_bytes"] = np.array([wav or b""], object)
        if "transcript" in specs:
            inputs["transcript"] = np.array([check_text(text)], object)
        if "video" in specs:
            inputs |= pad("video", [video], specs["video"][1][-1])
        for name, (_, shape) in specs.items():
            if name.endswith(("_mean", "_deviation")):  # zeros: the utterance's own
                inputs[name] = np.zeros((1, shape[-1]), np.float32)
        parts = {"wav_bytes": wav, "transcript": text, "video": video}
        unread = [n for n, p in parts.items() if n not in specs and p is not None and len(p)]
        if unread:
            _refuse("The model does not read all of it", sorted(specs), unread)
        answer = self.predict(signature, inputs)
        names = (n.decode() if isinstance(n, bytes) else n for n in answer["classes"][0])
        return dict(zip(names, map(float, answer["probabilities"][0])))


class RestClient(_Client):
    """Asks by REST."""

    def _fetch(self, path, body=None):
        address = f"{self.server.rstrip('/')}/v1/models/{self.model}{path}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            raise ValueError(f"The server refused the request: {text[:500]}") from error
        except OSError as error:  # URLError and time-outs are
            raise _no_answer(self.server, getattr(error, "reason", error)) from error

    def signatures(self):
        """Asks which signatures there are: name -> input -> (dtype, shape)."""
        answer = self._fetch("/metadata")["metadata"]["signature_def"]["signature_def"]
        return {
            name: {
                key: (i["dtype"], tuple(int(d["size"]) for d in i["tensor_shape"].get("dim", [])))
                for key, i in signature.get("inputs", {}).items()
            }
            for name, signature in answer.items()
        }

    def predict(self, signature, inputs):
        """Sends one request: dict from input to array; returns dict from output to array."""

        def plain(value):
            return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value

        rows = [
            {name: [*map(plain, row)] if row.ndim and row.dtype == object
                   else plain(row.item()) if not row.ndim else row.tolist()
             for name, row in zip(inputs, map(np.asarray, values))}
            for values in zip(*inputs.values())
        ]  # fmt: skip
        body = {"signature_name": signature, "instances": rows}
        answers = self._fetch(":predict", body)["predictions"]
        return {name: np.array([row[name] for row in answers]) for name in answers[0]}


class GrpcClient(_Client):
    """Asks by gRPC."""

    def __init__(self, server, model="amh"):
        super().__init__(server, model)
        if "tensorflow" not in sys.modules:
            # The messages are inside the package tensorflow, whose runtime takes seconds to load:
            # a package of that name which runs nothing.
            package = types.ModuleType("tensorflow")
            package.__path__ = importlib.util.find_spec("tensorflow").submodule_search_locations
            sys.modules["tensorflow"] = package
        import grpc
        from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2
        from tensorflow_serving.apis import prediction_service_pb2_grpc as service

        self._grpc, self._predict, self._metadata = grpc, predict_pb2, get_model_metadata_pb2
        channel = grpc.insecure_channel(server, [("grpc.max_receive_message_length", -1)])
        self._stub = service.PredictionServiceStub(channel)

    def _call(self, method, request):
        request.model_spec.name = self.model
        try:
            return method(request, timeout=TIMEOUT)
        except self._grpc.RpcError as error:
            silent = self._grpc.StatusCode.UNAVAILABLE, self._grpc.StatusCode.DEADLINE_EXCEEDED
            if error.code() in silent:
                raise _no_answer(self.server, error.details()) from error
            text = f"{error.code().name}: {error.details()}"
            raise ValueError(f"The server refused the request: {text[:500]}") from error

    def signatures(self):
        """Asks which signatures there are: name -> input -> (dtype, shape)."""
        request = self._metadata.GetModelMetadataRequest(metadata_field=["signature_def"])
        answer = self._call(self._stub.GetModelMetadata, request)
        definitions = self._metadata.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(definitions)
        names = {number: name for name, number in NUMBERS.items()}
        return {
            name: {
                key: (names[i.dtype], tuple(d.size for d in i.tensor_shape.dim))
                for key, i in signature.inputs.items()
            }
            for name, signature in definitions.signature_def.items()
        }

    def predict(self, signature, inputs):
        """Sends one request: dict from input to array; returns dict from output to array."""
        request = self._predict.PredictRequest()
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            tensor = request.inputs[name]
            kind = next(k for k, dtype in DTYPES.items() if array.dtype == dtype)
            tensor.dtype = NUMBERS[kind]
            for size in array.shape:
                tensor.tensor_shape.dim.add().size = size
            if kind == "DT_STRING":
                tensor.string_val.extend(array.ravel())
            else:
                tensor.tensor_content = array.tobytes()
        answer = self._call(self._stub.Predict, request)
        return {name: _to_array(tensor) for name, tensor in answer.outputs.items()}


def _to_array(tensor):
    shape = [d.size for d in tensor.tensor_shape.dim]
    kind = next(name for name, number in NUMBERS.items() if number == tensor.dtype)
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, DTYPES[kind]).reshape(shape)
    values = np.array(getattr(tensor, FIELDS[kind]), DTYPES[kind])
    return np.broadcast_to(values, shape) if values.size == 1 else values.reshape(shape)


def main(arguments=None):
    """Asks by the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="localhost:8500")
    parser.add_argument("--model", default="amh")
    path = {"type": os.path.expanduser}
    parser.add_argument("--audio", help="WAV file, 16-bit PCM at 16 kHz", **path)
    parser.add_argument("--text", default="", help="transcript")
    parser.add_argument("--video_features", help=".npy file of shape (time, width)", **path)
    options = parser.parse_args(arguments)
    try:
        if not (options.audio or options.text or options.video_features):
            _refuse("Nothing is given", "--audio, --text or --video_features", "none")
        wav = read_wav(options.audio) if options.audio else None
        video = np.load(options.video_features) if options.video_features else None
        kind = RestClient if options.server.startswith("http") else GrpcClient
        answer = kind(options.server, options.model).recording(wav, options.text, video)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, probability in sorted(answer.items(), key=lambda item: -item[1]):
        print(f"{probability:.3f}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
