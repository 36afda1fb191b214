// Makes the features of sound that still grows, each frame once.

/** Rows of numbers that more are appended to. */
export class Rows {
  constructor(width) {
    this.width = width;
    this.data = new Float32Array(64 * width);
    this.count = 0;
  }

  /** Keeps the first `count` rows, and puts `more` after them. */
  replaceFrom(count, more) {
    const needed = count * this.width + more.length;
    if (needed > this.data.length) {
      const larger = new Float32Array(Math.max(needed, 2 * this.data.length));
      larger.set(this.data);
      this.data = larger;
    }
    this.data.set(more, count * this.width);
    this.count = needed / this.width;
  }

  slice(first, last) {
    return this.data.slice(first * this.width, last * this.width);
  }
}

/**
 * The features of the sound heard so far. A frame's derivatives look `reach` frames ahead: the
 * last ones are made again when more has been heard, all others stay.
 */
export class Frames {
  /**
   * @param {object} audio What the export says of sound.
   * @param {function} compute From samples to features, `(frames * width)`.
   */
  constructor(audio, compute) {
    this.audio = audio;
    this.compute = compute;
    this.rows = new Rows(audio.width);
    this.settled = 0; // frames that stay
  }

  /** Makes `rows` those of these samples, which begin with the samples of the last call. */
  async extend(samples) {
    const { frame_length, frame_step, reach } = this.audio;
    const total = Math.max(1 + Math.floor((samples.length - frame_length) / frame_step), 0);
    if (total <= this.rows.count) return;
    const first = Math.max(this.settled - reach, 0);
    const end = frame_length + (total - 1) * frame_step;
    const features = await this.compute(samples.slice(first * frame_step, end));
    const known = (this.settled - first) * this.rows.width;
    this.rows.replaceFrom(this.settled, features.subarray(known));
    this.settled = Math.max(total - reach, 0);
  }
}

/** Finds what is left once the silence before and after all that is loud is gone. */
export function spoken(rows, audio) {
  const { loudness, margin, most, width } = audio;
  const total = rows.count;
  if (!loudness || !total) return [0, Math.min(total, most)];
  const level = (at) => rows.data[at * width];
  let loudest = -Infinity;
  for (let at = 0; at < total; at++) loudest = Math.max(loudest, level(at));
  let first = 0;
  let last = total - 1;
  while (level(first) < loudest - loudness) first++;
  while (level(last) < loudest - loudness) last--;
  const start = Math.max(first - margin, 0);
  return [start, Math.min(last + 1 + margin, total, start + most)];
}

/** Mean and deviation of every column of the rows, as the model is given a speaker's. */
export function moments(data, width) {
  const count = Math.max(data.length / width, 1);
  const mean = new Float64Array(width);
  const squares = new Float64Array(width);
  data.forEach((value, at) => (mean[at % width] += value / count));
  data.forEach((value, at) => (squares[at % width] += (value - mean[at % width]) ** 2 / count));
  return { mean: Float32Array.from(mean), deviation: Float32Array.from(squares, Math.sqrt) };
}
