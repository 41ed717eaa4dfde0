import type { Outcome, Row } from './steps.ts';

const WORDS: Readonly<Record<Outcome['kind'], string>> = {
  passed: 'pass',
  failed: 'FAIL',
  excused: 'excused',
  not_run: 'not run',
};
const MAX_REASON = 300;

/** Client by client, step by step: how it ended, and for all but a pass why. */
export function outcomeTable(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ step }) => step.length));
  const lines: string[] = [];
  for (const [client, steps] of Map.groupBy(rows, (row) => row.client)) {
    lines.push('', client);
    for (const { step, outcome } of steps) {
      const told = reasonOf(outcome);
      lines.push(`  ${step.padEnd(width)}  ${WORDS[outcome.kind].padEnd(7)}  ${told}`.trimEnd());
    }
  }
  return [...lines, '', countLine(rows)].join('\n');
}

/** Whether something failed that no excuse covers. */
export function hasFailed(rows: readonly Row[]): boolean {
  return rows.some(({ outcome }) => outcome.kind === 'failed');
}

function reasonOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'passed':
      return '';
    case 'excused':
      return `${outcome.excuse.clause}: ${outcome.excuse.why}`;
    case 'failed':
    case 'not_run':
      return outcome.reason.replaceAll(/\s+/g, ' ').slice(0, MAX_REASON);
  }
}

function countLine(rows: readonly Row[]): string {
  return (['passed', 'failed', 'excused', 'not_run'] as const)
    .map((kind) => `${rows.filter(({ outcome }) => outcome.kind === kind).length} ${WORDS[kind]}`)
    .join(' · ');
}
