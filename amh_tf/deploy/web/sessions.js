// The files of the trained model in ONNX Runtime, on the processor.

import * as ort from "./runtime/ort.wasm.bundle.min.mjs";

export const floats = (numbers, shape) => new ort.Tensor("float32", numbers, shape);
export const integers = (numbers, shape) => new ort.Tensor("int32", numbers, shape);
export const length = (count) => integers(Int32Array.of(count), [1]);

/** Returns a function that opens a file of the model, by its name. */
export function opener(base) {
  ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send
  const wasm = new URL("runtime/ort-wasm-simd-threaded.wasm", base).href;
  ort.env.wasm.wasmPaths = { wasm };
  return (name) =>
    ort.InferenceSession.create(new URL(`model/${name}.onnx`, base).href, {
      executionProviders: ["wasm"],
    });
}

/** Returns what every model answers with. */
export function answerOf(outputs, hops, start) {
  return {
    probabilities: outputs.probabilities.data,
    attention: hops.map((_, hop) => outputs[`attention_${hop + 1}`].data),
    start,
  };
}
