import { median, type Series } from './measurement.ts';

/** One rate told in terms of another, e.g. how much of the bare echo's rate is left. */
export type Ratio = { readonly of: string; readonly to: string; readonly says: string };

const LEFT = 58;

/** A line per leg: median rate, the lowest and highest round, and the server's processor time per unit. */
export function rateLines(series: readonly Series[]): string[] {
  const head = `${'per second, median of the rounds'.padEnd(LEFT)}${'rate'.padStart(9)}  lowest … highest   server CPU`;
  const lines = series.map(({ leg, samples }) => {
    const rates = samples.map(({ rate }) => rate);
    const spread = `${whole(Math.min(...rates))} … ${whole(Math.max(...rates))}`;
    const cpu = samples.flatMap(({ cpuMicros }) => (cpuMicros === undefined ? [] : [cpuMicros]));
    const perUnit = cpu.length === 0 ? '' : `${whole(median(cpu))} µs each`;
    return `${leg.name.padEnd(LEFT)}${whole(median(rates)).padStart(9)}  ${spread.padEnd(17)}  ${perUnit}`.trimEnd();
  });
  return [head, ...lines];
}

/**
 * A line per ratio whose two legs were run: the median of the ratios of each round, not the ratio of medians. Where both
 * ran in this very process, also the ratio of the processor time they took, all threads counted: what others do on the
 * machine meanwhile leaves that alone.
 */
export function ratioLines(series: readonly Series[], ratios: readonly Ratio[]): string[] {
  const head = `${'ratios, each within one round'.padEnd(LEFT)}${'ratio'.padStart(9)}  lowest … highest   by CPU time`;
  const lines = ratios.flatMap(({ of, to, says }) => {
    const [upper, lower] = [of, to].map((name) => series.find(({ leg }) => leg.name === name));
    if (!upper || !lower) return [];
    const { samples: above } = upper;
    const { samples: below } = lower;
    const each = above.map(({ rate }, round) => rate / (below[round]?.rate ?? Number.NaN));
    const spread = `${fine(Math.min(...each))} … ${fine(Math.max(...each))}`;
    const areHere = [upper, lower].every(({ leg }) => leg.server === process.pid);
    const ofTime = above.map(
      ({ cpuMicros }, round) => (below[round]?.cpuMicros ?? Number.NaN) / (cpuMicros ?? 0),
    );
    const byTime = areHere ? fine(median(ofTime)) : '';
    return [
      `${says.padEnd(LEFT)}${fine(median(each)).padStart(9)}  ${spread.padEnd(17)}  ${byTime}`.trimEnd(),
    ];
  });
  return lines.length === 0 ? [] : ['', head, ...lines];
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function fine(value: number): string {
  return value.toFixed(value < 0.1 ? 3 : 2);
}
