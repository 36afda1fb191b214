// Answers a window by encoders that carry their states: each frame is encoded once, and hops look
// at the states so far.

import { Rows } from "./frames.js";
import { answerOf, floats, integers, length } from "./sessions.js";

/** One modality's encoder. */
class Encoder {
  constructor(session, name, { state, cell, units }) {
    this.session = session;
    this.name = name;
    this.units = units;
    this.shapes = cell ? { state, cell } : { state };
  }

  /** The states before the first step. */
  start() {
    const parts = Object.entries(this.shapes).map(([part, [layers, units]]) => {
      return [part, floats(new Float32Array(layers * units), [layers, 1, units])];
    });
    return Object.fromEntries(parts);
  }

  /** Encodes some steps more. Returns their states, and what is carried on. */
  async run(sequence, carried) {
    const inputs = { [this.name]: sequence };
    for (const part in carried) inputs[`${this.name}_${part}`] = carried[part];
    const outputs = await this.session.run(inputs);
    const next = Object.keys(carried).map((part) => [part, outputs[`${this.name}_next_${part}`]]);
    return [outputs[`${this.name}_states`].data, Object.fromEntries(next)];
  }
}

export class Carried {
  static async open(settings, session) {
    const encoders = {};
    for (const name of ["audio", "text"].filter((modality) => settings[modality])) {
      encoders[name] = new Encoder(await session(`${name}_encoder`), name, settings[name].encoder);
    }
    return new Carried(settings, encoders, await session("hops"));
  }

  constructor(settings, encoders, hops) {
    this.settings = settings;
    this.encoders = encoders;
    this.hops = hops;
    this.read = { ids: null, states: null };
  }

  async answer(window, ids) {
    const { audio, text, video, hops } = this.settings;
    if (!window.frames?.rows.count && !ids.length) return null;
    const inputs = {};
    if (audio) this.put(inputs, "audio", await this.listen(window));
    if (text) this.put(inputs, "text", await this.lookAt(ids));
    if (video) this.put(inputs, "video", new Float32Array(0));
    return answerOf(await this.hops.run(inputs), hops, 0);
  }

  put(inputs, modality, states) {
    const { units } = this.settings[modality].encoder;
    const steps = states.length / units;
    // One step at least; a length of 0 says that it is none.
    const some = steps ? states : new Float32Array(units);
    inputs[`${modality}_states`] = floats(some, [1, steps || 1, units]);
    inputs[`${modality}_length`] = length(steps);
  }

  /** Returns the states of all frames. Those of frames that may still change are not carried on. */
  async listen(window) {
    const encoder = this.encoders.audio;
    const { stride, width } = this.settings.audio;
    const { rows, settled } = window.frames;
    window.states ??= new Rows(encoder.units);
    window.carried ??= { steps: 0, state: encoder.start() };
    const encode = (first, last) => {
      const frames = floats(rows.slice(first, last), [1, last - first, width]);
      return encoder.run(frames, window.carried.state);
    };
    const { steps } = window.carried;
    const whole = Math.max(Math.floor(settled / stride), steps); // steps of whole, settled frames
    if (whole > steps) {
      const [states, state] = await encode(steps * stride, whole * stride);
      window.states.replaceFrom(steps, states);
      window.carried = { steps: whole, state };
    }
    if (rows.count > whole * stride) {
      const [states] = await encode(whole * stride, rows.count);
      window.states.replaceFrom(whole, states);
    }
    return window.states.slice(0, window.states.count);
  }

  /** Returns the states of the words. */
  async lookAt(ids) {
    if (!ids.length) return new Float32Array(0);
    if (this.read.ids !== ids) {
      const encoder = this.encoders.text;
      const [states] = await encoder.run(integers(ids, [1, ids.length]), encoder.start());
      this.read = { ids, states };
    }
    return this.read.states;
  }
}
