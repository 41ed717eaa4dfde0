/** Something that the story claims and the network did not do. */
export class StoryFault extends Error {
  override readonly name = 'StoryFault';
}

/** @throws StoryFault with the sentence that does not hold */
export function claim(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new StoryFault(sentence);
}

/** One sentence in both languages. */
export type Sentence = { readonly ja: string; readonly en: string };

export type StepReport = { readonly scene: string; readonly step: string; readonly seconds: number };

type Output = { readonly print: (line: string) => void; readonly nowMs: () => number };

/**
 * Tells the story step by step. A step is a claim: it is told as done only after its work has checked what the
 * sentence says, with the seconds that took. What a step returns is handed on to the steps after it.
 */
export class Narration {
  readonly #output: Output;
  readonly #steps: StepReport[] = [];
  readonly #figures: { readonly what: Sentence; readonly value: string }[] = [];
  readonly #startedMs: number;
  #scene = '';

  constructor(output: Output) {
    this.#output = output;
    this.#startedMs = output.nowMs();
  }

  scene({ ja, en }: Sentence): void {
    this.#scene = ja;
    this.#output.print(`\n■ ${ja} — ${en}`);
  }

  /** @throws whatever the work throws, after telling which step it was */
  async step<Result>({ ja, en }: Sentence, work: () => Promise<Result>): Promise<Result> {
    const startedMs = this.#output.nowMs();
    try {
      const result = await work();
      const seconds = (this.#output.nowMs() - startedMs) / 1000;
      this.#steps.push({ scene: this.#scene, step: ja, seconds });
      this.#output.print(`  ✓ ${seconds.toFixed(2).padStart(6)} 秒  ${ja}\n              ${en}`);
      return result;
    } catch (error) {
      this.#output.print(`  ✗ ${' '.repeat(9)}  ${ja}\n              ${en}`);
      throw error;
    }
  }

  /** A remark that is no claim. */
  tell(line: string): void {
    this.#output.print(`              ${line}`);
  }

  /** A figure for the summary, measured by a step. */
  figure(what: Sentence, value: string): void {
    this.#figures.push({ what, value });
  }

  summarise(): void {
    const seconds = (this.#output.nowMs() - this.#startedMs) / 1000;
    this.#output.print('\n■ まとめ — Summary');
    for (const { what, value } of this.#figures)
      this.#output.print(`  ${value.padStart(9)}  ${what.ja} (${what.en})`);
    const slowest = this.#steps.toSorted((a, b) => b.seconds - a.seconds)[0];
    if (slowest)
      this.#output.print(`  最も長い手順 (slowest step): ${slowest.step} ${slowest.seconds.toFixed(2)} 秒`);
    this.#output.print(
      `  ${this.#steps.length} 手順、合計 ${seconds.toFixed(1)} 秒 (${this.#steps.length} steps, ${seconds.toFixed(1)} s in total)`,
    );
  }
}
