// How long to wait before the next try: full jitter, so that many pages do not come back at once (pitfalls K1).

export class Backoff {
  constructor({ base = 500, cap = 30_000, random = Math.random } = {}) {
    this.base = base;
    this.cap = cap;
    this.random = random;
    this.tries = 0;
  }

  // Milliseconds, anywhere between none and a ceiling that doubles with each try.
  next() {
    const ceiling = Math.min(this.cap, this.base * 2 ** this.tries);
    this.tries += 1;
    return this.random() * ceiling;
  }

  reset() {
    this.tries = 0;
  }
}
