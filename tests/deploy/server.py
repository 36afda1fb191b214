"""Stands in for `tensorflow_model_server`: python server.py FOLDER

Serves FOLDER/<largest number> by gRPC and REST, on TensorFlow Serving's own messages and over
the loader that the real server calls. It warms up first. Prints a line of JSON with both ports,
and ends when its input does.
"""

import base64
import concurrent.futures
import http.server
import json
import struct
import sys
import threading
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import c_loader

c_loader.messages_without_runtime()
# isort: off
import grpc  # noqa: E402
from google.protobuf import json_format  # noqa: E402
from tensorflow_serving.apis import classification_pb2, get_model_metadata_pb2  # noqa: E402
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2  # noqa: E402
from tensorflow_serving.apis import prediction_service_pb2_grpc  # noqa: E402
# isort: on

CLASSIFY_METHOD = "tensorflow/serving/classify"
NAME = "amh"


def to_array(tensor):
    """Reads a TensorProto."""
    dtype = c_loader.DTYPES[tensor.dtype]
    shape = [axis.size for axis in tensor.tensor_shape.dim]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, dtype).reshape(shape)
    field = {c_loader.FLOAT: "float_val", c_loader.INT32: "int_val", c_loader.STRING: "string_val"}
    values = np.array(getattr(tensor, field[tensor.dtype]), dtype)
    # A TensorProto may leave out the last values where they repeat.
    missing = int(np.prod(shape)) - values.size
    if missing > 0 and values.size:
        values = np.concatenate([values, np.repeat(values[-1:], missing)])
    return values.reshape(shape)


def fill(tensor, array):
    """Writes a TensorProto."""
    tensor.dtype = next(n for n, dtype in c_loader.DTYPES.items() if dtype == array.dtype)
    for size in array.shape:
        tensor.tensor_shape.dim.add().size = size
    if array.dtype == object:
        tensor.string_val.extend(array.ravel())
    else:
        tensor.tensor_content = array.tobytes()


class Model:
    """Answers requests."""

    def __init__(self, folder):
        self.session = c_loader.Session(folder)

    def predict(self, request):
        name = request.model_spec.signature_name or "serving_default"
        return name, self.session.run(name, {k: to_array(t) for k, t in request.inputs.items()})

    def classify(self, request):
        name = request.model_spec.signature_name or "serving_default"
        signature = self.session.signatures[name]
        if signature.method_name != CLASSIFY_METHOD or set(signature.outputs) - {
            "classes",
            "scores",
        }:
            raise c_loader.Refused(
                c_loader.INVALID_ARGUMENT, f"{name} does not classify: {signature.method_name}"
            )
        examples = [e.SerializeToString() for e in request.input.example_list.examples]
        return self.session.run(name, {"inputs": np.array(examples, object)})

    def warm_up(self, path):
        """Answers the requests that lie beside the model; returns how many, by signature."""
        contents, place, answered = path.read_bytes(), 0, {}
        while place < len(contents):  # TFRecord: length, its checksum, record, its checksum
            (length,) = struct.unpack_from("<Q", contents, place)
            log = prediction_log_pb2.PredictionLog.FromString(
                contents[place + 12 : place + 12 + length]
            )
            place += length + 16
            if log.WhichOneof("log_type") == "predict_log":
                request = log.predict_log.request
                self.predict(request)
            else:
                request = log.classify_log.request
                self.classify(request)
            if request.model_spec.name != NAME:
                raise ValueError(f"a warm-up request for {request.model_spec.name!r}")
            signature = request.model_spec.signature_name
            answered[signature] = answered.get(signature, 0) + 1
        return answered


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    """gRPC."""

    def __init__(self, model):
        self.model = model

    def _answer(self, function, context):
        try:
            return function()
        except c_loader.Refused as refused:
            code = next(c for c in grpc.StatusCode if c.value[0] == refused.code)
            context.abort(code, str(refused))

    def Predict(self, request, context):
        _, outputs = self._answer(lambda: self.model.predict(request), context)
        answer = predict_pb2.PredictResponse()
        for name, array in outputs.items():
            fill(answer.outputs[name], array)
        return answer

    def Classify(self, request, context):
        outputs = self._answer(lambda: self.model.classify(request), context)
        answer = classification_pb2.ClassificationResponse()
        for names, scores in zip(outputs["classes"], outputs["scores"]):
            row = answer.result.classifications.add()
            for name, score in zip(names, scores):
                row.classes.add(label=name.decode(), score=score)
        return answer

    def GetModelMetadata(self, request, context):
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.metadata["signature_def"].Pack(_signature_map(self.model))
        return answer


def _signature_map(model):
    described = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in model.session.signatures.items():
        described.signature_def[name].CopyFrom(signature)
    return described


def _from_json(values, dtype):
    """Makes a tensor of nested lists; strings and {"b64": ...} become bytes."""

    def plain(value):
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, dict):
            return base64.b64decode(value["b64"])
        return value.encode() if isinstance(value, str) else value

    try:
        return np.array(plain(values), c_loader.DTYPES[dtype])
    except ValueError as error:  # rows of unlike shapes
        raise c_loader.Refused(c_loader.INVALID_ARGUMENT, str(error)) from error


def _rest_predict(model, body):
    name = body.get("signature_name", "serving_default")
    signature = model.session.signatures[name]
    if "instances" in body:
        rows = body["instances"]
        columns = {key: [row[key] for row in rows] for key in rows[0]}
    else:
        columns = body["inputs"]
    inputs = {key: _from_json(v, signature.inputs[key].dtype) for key, v in columns.items()}
    outputs = {}
    for key, array in model.session.run(name, inputs).items():
        decode = np.vectorize(lambda text: text.decode(), otypes=[object])
        outputs[key] = (decode(array) if array.dtype == object else array).tolist()
    if "instances" not in body:
        return {"outputs": outputs}
    if len({len(values) for values in outputs.values()}) != 1:
        raise c_loader.Refused(c_loader.INVALID_ARGUMENT, "outputs of unlike batch sizes")
    return {"predictions": [dict(zip(outputs, row)) for row in zip(*outputs.values())]}


def _rest_handler(model):
    class Handler(http.server.BaseHTTPRequestHandler):
        def _send(self, status, body):
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self):
            described = json_format.MessageToDict(
                _signature_map(model), preserving_proto_field_name=True
            )
            self._send(200, {"metadata": {"signature_def": described}})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                self._send(200, _rest_predict(model, body))
            except c_loader.Refused as refused:
                self._send(400, {"error": str(refused)})

        def log_message(self, *arguments):
            pass

    return Handler


def main(folder):
    """Serves until standard input ends."""
    newest = max(
        (f for f in Path(folder).iterdir() if f.name.isdecimal()), key=lambda f: int(f.name)
    )
    model = Model(newest)
    warmed = model.warm_up(newest / "assets.extra" / "tf_serving_warmup_requests")
    rpc = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(model), rpc)
    port = rpc.add_insecure_port("localhost:0")
    rpc.start()
    rest = http.server.ThreadingHTTPServer(("localhost", 0), _rest_handler(model))
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    ports = {"grpc": port, "rest": rest.server_address[1], "version": newest.name, "warmed": warmed}
    print(json.dumps({**ports, "runtime": "tensorflow.python" in sys.modules}), flush=True)
    sys.stdin.read()
    rpc.stop(0)


if __name__ == "__main__":
    main(sys.argv[1])
