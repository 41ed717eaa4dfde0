import { CHECK_WORDS, REASON_WORDS, STEP_WORDS } from './check-words.ts';
import { FAULT_WORDS } from './fault-words.ts';
import { type Finding, type Outcome, type Place, scoreOf } from './finding.ts';

const MARKS = { passed: '✓', failed: '✗', later: '–', untested: '–' } as const satisfies Record<
  Outcome['kind'],
  string
>;
const PLACES: { readonly [Each in Place]: string } = {
  node: 'ノード Node',
  copy: '予行（隣の自治体と、写しのノードで） Rehearsal with a neighbour, at a copy of the node',
};

/** For people: one line a check, the Japanese words first; under each ✗ how it is repaired. */
export function reportText(findings: readonly Finding[]): string {
  const lines: string[] = [];
  for (const place of ['node', 'copy'] as const) {
    const here = findings.filter((finding) => finding.place === place);
    if (here.length > 0) lines.push('', PLACES[place], ...here.flatMap(linesOf));
  }
  const { passed, made, later, untested } = scoreOf(findings);
  const rest = later + untested;
  lines.push(
    '',
    `${made} のうち ${passed} が良好、${rest} は今は確かめられません / ${passed} of ${made} hold; ${rest} cannot be tested now`,
  );
  return lines.join('\n').trimStart();
}

function linesOf({ check, outcome }: Finding): readonly string[] {
  const { ja, en } = CHECK_WORDS[check];
  const name = ja === en ? ja : `${ja} / ${en}`;
  const line = `  ${MARKS[outcome.kind]} ${name}`;
  switch (outcome.kind) {
    case 'passed':
      return [line];
    case 'failed': {
      const { wrong, repair } = FAULT_WORDS[outcome.fault];
      const { ja, en } = wrong(outcome.fact);
      return [line, `      ${ja}。${repair.ja}`, `      ${en}: ${repair.en}.`];
    }
    case 'later': {
      const { ja, en } = STEP_WORDS[outcome.step];
      return [`${line} — ${ja} / ${en}`];
    }
    case 'untested': {
      const { ja, en } = REASON_WORDS[outcome.reason];
      return [`${line} — ${ja} / ${en}`];
    }
  }
}

/** For machines: every finding with its code, and the same words. */
export function reportJson(findings: readonly Finding[]): string {
  const checks = findings.map(({ check, place, outcome }) => {
    if (outcome.kind !== 'failed') {
      const because =
        outcome.kind === 'later'
          ? { step: outcome.step }
          : outcome.kind === 'untested'
            ? { reason: outcome.reason }
            : {};
      return { check, place, outcome: outcome.kind, ...because };
    }
    const { wrong, repair } = FAULT_WORDS[outcome.fault];
    const { fault, fact } = outcome;
    return { check, place, outcome: outcome.kind, fault, fact, wrong: wrong(fact), repair };
  });
  return JSON.stringify({ score: scoreOf(findings), checks }, null, 2);
}
