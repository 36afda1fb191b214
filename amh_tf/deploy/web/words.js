// Cuts text into words and looks them up, by the rules and the vocabulary of training.

const UNKNOWN = 1;
const HALF_CHARACTER = /\p{Surrogate}/gu;
const DOTTED_I = "\u0130"; // lower-cased in two ways

export class Words {
  /**
   * @param {object} settings What the export says of the text: `rules`, pairs of a pattern and
   *   what takes its place; `most`, how many words are read; `unknown`, ids that the model was
   *   not trained on.
   * @param {string} vocabulary One word a line, in the order of the ids.
   */
  constructor(settings, vocabulary) {
    this.most = settings.most;
    this.rules = settings.rules.map(([pattern, replacement]) => [
      new RegExp(pattern, "gu"),
      replacement.replaceAll("$", "$$$$").replace(/\\(\d)/g, "$$$1"),
    ]);
    const lines = vocabulary.replace(/\n$/, "").split("\n");
    this.ids = new Map(lines.map((word, number) => [word, number]));
    for (const number of settings.unknown) this.ids.set(lines[number], UNKNOWN);
  }

  /** Returns the words of a text, all of them. */
  cut(text) {
    const lower = text.replace(HALF_CHARACTER, "\ufffd").replaceAll(DOTTED_I, "i").toLowerCase();
    const cut = this.rules.reduce((done, rule) => done.replace(...rule), ` ${lower} `);
    return cut.split(" ").filter(Boolean);
  }

  /** Returns the words of a text that the model reads, their ids, and whether it knows them. */
  read(text) {
    const words = this.cut(text).slice(0, this.most);
    const ids = Int32Array.from(words, (word) => this.ids.get(word) ?? UNKNOWN);
    return { words, ids, known: Array.from(ids, (id) => id !== UNKNOWN) };
  }
}
