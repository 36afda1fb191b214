// The answer in numbers and in words, for eyes and for screen readers.

import { strongest } from "./curve.js";

const FAINT = 0.003; // loudest sample of what is hardly a sound
const SPOKEN_EVERY = 3000; // milliseconds between two answers that a screen reader says

const element = (id) => document.getElementById(id);

export class Readout {
  constructor(settings) {
    this.settings = settings;
    this.spokenAt = -SPOKEN_EVERY;
  }

  /** Shows an answer and what it is of; returns it as a sentence. */
  show(window, answer) {
    document.querySelectorAll("#classes li").forEach((bar, number) => {
      const share = answer?.probabilities[number];
      bar.style.setProperty("--share", share ?? 0);
      bar.dataset.share = share ?? "";
      bar.querySelector(".share").textContent = share?.toFixed(2) ?? "";
    });
    const best = answer && strongest(answer.probabilities);
    element("best").textContent = answer ? this.settings.classes[best] : "nothing yet";
    element("best").style.setProperty("--color", answer ? `var(--class-${best})` : "");
    element("when").textContent = answer ? this.when(window, answer) : "";
    const text = answer ? this.sentence(answer) : "No answer yet.";
    this.speak(text);
    return text;
  }

  /** Says which sound and how many words the answer is of. */
  when(window, { count, words }) {
    const read = words ? `${words} word${words > 1 ? "s" : ""}` : "";
    if (!count) return `of ${read}`;
    const { rate } = this.settings.audio;
    const loudest = window.samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    if (loudest < FAINT) return "Hardly any sound is heard: the answer means nothing.";
    const [from, to] = [window.start, window.start + count].map((at) => (at / rate).toFixed(1));
    return `of the sound from ${from} to ${to} s${read && `, and ${read}`}`;
  }

  sentence({ probabilities }) {
    const numbers = [...probabilities.keys()];
    const parts = numbers
      .sort((a, b) => probabilities[b] - probabilities[a])
      .slice(0, 3)
      .map((n) => `${this.settings.classes[n]} ${Math.round(100 * probabilities[n])} percent`);
    return `${parts.join(", ")}.`;
  }

  /** Has a screen reader say the answer, not too often. */
  speak(text) {
    const now = performance.now();
    if (now - this.spokenAt < SPOKEN_EVERY || element("summary").textContent === text) return;
    this.spokenAt = now;
    element("summary").textContent = text;
  }
}
