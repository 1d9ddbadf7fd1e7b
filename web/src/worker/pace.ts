/** Learns how long one unit of work takes, and says how many of them fit into a time budget. */
export class Pace {
  #unitMs: number | null = null;

  record(units: number, ms: number): void {
    const unitMs = ms / units;
    this.#unitMs = this.#unitMs === null ? unitMs : 0.7 * this.#unitMs + 0.3 * unitMs;
  }

  /** At least one; exactly one while nothing is known. */
  fitting(budgetMs: number): number {
    if (this.#unitMs === null) return 1;
    return Math.max(1, Math.floor(budgetMs / Math.max(this.#unitMs, 1e-3)));
  }
}

/** Images per second over the last second or so of work. */
export class Throughput {
  #images = 0;
  #ms = 0;

  record(images: number, ms: number): void {
    const keep = Math.exp(-ms / 1000);
    this.#images = this.#images * keep + images;
    this.#ms = this.#ms * keep + ms;
  }

  get perSecond(): number {
    return this.#ms > 0 ? (1000 * this.#images) / this.#ms : 0;
  }
}
