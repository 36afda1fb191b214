// Changes the rate of sound by the filter that made the sound of the training data.

const REACH = 10; // of the filter, in samples of the lower of both rates
const BETA = 5.0; // of its Kaiser window

const divisor = (a, b) => (b ? divisor(b, a % b) : a);

/** Modified Bessel function of the first kind, order 0, by its series. */
function bessel(x) {
  let sum = 1;
  for (let k = 1, term = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** A low-pass filter at the lower rate's Nyquist frequency, as SciPy's `firwin` makes it. */
function lowPass(longer, gain) {
  const half = REACH * longer;
  const taps = new Float64Array(2 * half + 1);
  let sum = 0;
  for (let at = -half; at <= half; at++) {
    const x = (Math.PI * at) / longer;
    const window = bessel(BETA * Math.sqrt(1 - (at / half) ** 2));
    sum += taps[at + half] = (at ? Math.sin(x) / x : 1) * window;
  }
  return taps.map((tap) => (tap / sum) * gain);
}

/** Resamples a stream of blocks. What comes out does not depend on how the blocks are cut. */
export class Resampler {
  constructor(from, to) {
    const common = divisor(from, to);
    this.up = to / common;
    this.down = from / common;
    this.taps = lowPass(Math.max(this.up, this.down), this.up);
    this.waiting = new Float32Array(0);
    this.first = 0; // which sample of the stream `waiting` begins with
    this.next = 0; // which sample comes out next
  }

  /** Returns the samples that can be computed once `block` has come. */
  push(block) {
    if (this.up === this.down) return block;
    const { up, down, taps } = this;
    const half = (taps.length - 1) / 2;
    const samples = new Float32Array(this.waiting.length + block.length);
    samples.set(this.waiting);
    samples.set(block, this.waiting.length);
    const end = this.first + samples.length;
    // The filter looks half its length ahead.
    const count = Math.floor(((end - 1) * up - half) / down) + 1 - this.next;
    const out = new Float32Array(Math.max(count, 0));
    for (let at = 0; at < out.length; at++) {
      const place = (this.next + at) * down;
      const last = Math.floor((place + half) / up);
      let sum = 0;
      for (let k = Math.max(Math.ceil((place - half) / up), 0); k <= last; k++) {
        sum += samples[k - this.first] * taps[place - k * up + half];
      }
      out[at] = sum;
    }
    this.next += out.length;
    const kept = Math.max(Math.ceil((this.next * down - half) / up), this.first, 0);
    this.waiting = samples.slice(Math.min(kept, end) - this.first);
    this.first = Math.min(kept, end);
    return out;
  }
}
