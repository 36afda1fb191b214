// Where sound comes from: the microphone, or a file. Nothing of it leaves the page.

import { Resampler } from "./resample.js";

const MOST_SECONDS = 600; // of a file
const MOST_SECONDS_TO_BEGIN = 5;

const REFUSALS = {
  NotAllowedError:
    "The microphone was refused. Allow it for this page beside the browser's address bar, and " +
    "start it again. A sound file works without it.",
  NotFoundError: "There is no microphone. Connect one and start it again, or open a sound file.",
  NotReadableError:
    "The microphone cannot be opened: another program may be using it. Close that, and start " +
    "the microphone again.",
};

/** Says what this browser lacks to run the model, or returns "". */
export function missing() {
  const newer = "Expected Chrome or Edge 91, Firefox 89, Safari 16.4, or a later version.";
  // A function that makes a vector of zeros: valid where there is SIMD.
  const simd = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 22, 1, 20, 0];
  const code = Uint8Array.from([...simd, 253, 12, ...new Array(16).fill(0), 11]);
  if (typeof WebAssembly !== "object") {
    return `This browser cannot run the model: it has no WebAssembly. ${newer}`;
  }
  if (!WebAssembly.validate(code)) {
    return `This browser cannot run the model: its WebAssembly has no SIMD. ${newer}`;
  }
  return "";
}

/**
 * Listens to the microphone.
 *
 * @param {number} rate Samples a second that are wanted.
 * @param {function} onSamples Is given every block of them.
 * @param {function} onEnd Is called if the microphone goes away.
 * @returns {Promise<object>} With `pause`, `resume` and `stop`.
 */
export async function openMicrophone(rate, onSamples, onEnd) {
  if (!navigator.mediaDevices || !globalThis.AudioWorkletNode) {
    throw new Error(
      globalThis.isSecureContext
        ? "This browser gives pages no microphone. A sound file works here."
        : "A browser gives its microphone to secure pages alone. Open this page as localhost " +
          "or over https. A sound file works here.",
    );
  }
  const context = new AudioContext();
  let stream;
  try {
    stream = await askForMicrophone();
    const [track] = stream.getAudioTracks();
    await context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    const capture = new AudioWorkletNode(context, "capture");
    const resampler = new Resampler(context.sampleRate, rate);
    capture.port.onmessage = ({ data }) => onSamples(resampler.push(data));
    // Only what leads to the loudspeakers is computed; the capture gives them silence.
    context.createMediaStreamSource(stream).connect(capture).connect(context.destination);
    await begun(context);
    const stop = () => {
      capture.port.onmessage = null; // what still comes is of no window
      track.stop();
      return context.close();
    };
    track.onended = () => stop().then(onEnd);
    return { stop, pause: () => context.suspend(), resume: () => context.resume() };
  } catch (error) {
    stream?.getTracks().forEach((track) => track.stop());
    context.close();
    throw error;
  }
}

/** Waits until sound is computed: without an output, Firefox waits for one for ever. */
function begun(context) {
  const late = new Promise((_, reject) => {
    const message =
      "This browser does not begin to listen. It may wait for an output of sound, though the page " +
      "plays nothing: connect loudspeakers or headphones, and start the microphone again. A sound " +
      "file works without them.";
    setTimeout(() => reject(new Error(message)), 1000 * MOST_SECONDS_TO_BEGIN);
  });
  return Promise.race([context.resume(), late]);
}

async function askForMicrophone() {
  // As it is: the model was not trained on sound that a browser has changed.
  const audio = {
    channelCount: 1,
    echoCancellation: false,
    noiseSuppression: false,
    autoGainControl: false,
  };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new Error(REFUSALS[error.name] ?? `The microphone cannot be opened: ${error.message}`);
  }
}

/**
 * Reads the sound of a file of any rate and number of channels.
 *
 * @returns {Promise<{samples: Float32Array, note: string}>} Mono, at `rate`.
 */
export async function readFile(file, rate) {
  let buffer;
  try {
    const context = new OfflineAudioContext(1, 1, rate); // which resamples what it decodes
    buffer = await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Error(
      `${file.name} holds no sound that this browser can decode. Expected WAV, FLAC, MP3, Ogg or ` +
        "M4A, whole.",
    );
  }
  const length = Math.min(buffer.length, MOST_SECONDS * rate);
  const samples = new Float32Array(length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const part = buffer.getChannelData(channel);
    for (let at = 0; at < length; at++) samples[at] += part[at] / buffer.numberOfChannels;
  }
  const isCut = length < buffer.length;
  return { samples, note: isCut ? `Only the first ${MOST_SECONDS / 60} minutes are heard.` : "" };
}
