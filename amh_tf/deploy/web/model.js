// The trained model: features of sound, and answers to windows of sound and words.

import { Carried } from "./carried.js";
import { Frames } from "./frames.js";
import { floats, opener } from "./sessions.js";
import { Whole } from "./whole.js";

/**
 * Opens the model.
 *
 * @param {URL} base The folder of the page.
 * @param {object} settings What the export says of the model.
 * @returns {Promise<object>} `settings`; `frames()`, the features of a new window, or null; and
 *   `answer(window, ids)`: `probabilities`, `attention` of every hop, and the first frame that is
 *   listened to, `start`; null where there is neither sound nor words.
 */
export async function open(base, settings) {
  const session = opener(base);
  const features = settings.audio && (await session("features"));
  const compute = async (samples) => {
    const waveform = floats(samples, [1, samples.length]);
    return (await features.run({ waveform })).audio.data;
  };
  const model = await (settings.is_carried ? Carried : Whole).open(settings, session);
  const frames = () => settings.audio && new Frames(settings.audio, compute);
  // The first run of a session takes longer than those that follow.
  const window = { frames: frames() };
  await window.frames?.extend(new Float32Array(settings.audio.rate));
  await model.answer(window, settings.text ? Int32Array.of(1) : new Int32Array(0));
  return { settings, frames, answer: (window, ids) => model.answer(window, ids) };
}
