// Answers a window by the whole model, anew each time: for encoders that read both ways, and for
// features that change when more is heard.

import { moments, spoken } from "./frames.js";
import { answerOf, floats, integers, length } from "./sessions.js";

export class Whole {
  static async open(settings, session) {
    return new Whole(settings, await session("model"));
  }

  constructor(settings, session) {
    this.settings = settings;
    this.session = session;
  }

  async answer({ frames }, ids) {
    const { audio, text, video, hops } = this.settings;
    const [start, end] = frames ? spoken(frames.rows, audio) : [0, 0];
    if (start === end && !ids.length) return null;
    const inputs = {};
    if (audio) this.put(inputs, "audio", frames.rows.slice(start, end));
    if (video) this.put(inputs, "video", new Float32Array(0));
    if (text) {
      // One step at least; a length of 0 says that it is none.
      inputs.text = integers(ids.length ? ids : new Int32Array(1), [1, ids.length || 1]);
      inputs.text_length = length(ids.length);
    }
    return answerOf(await this.session.run(inputs), hops, start);
  }

  /** Adds a modality's features to the inputs, and what is known of the speaker: these alone. */
  put(inputs, modality, data) {
    const { width, is_by_speaker } = this.settings[modality];
    const steps = data.length / width;
    const some = steps ? data : new Float32Array(width);
    inputs[modality] = floats(some, [1, steps || 1, width]);
    inputs[`${modality}_length`] = length(steps);
    if (!is_by_speaker) return;
    const { mean, deviation } = moments(data, width);
    inputs[`${modality}_mean`] = floats(mean, [1, width]);
    inputs[`${modality}_deviation`] = floats(deviation, [1, width]);
  }
}
