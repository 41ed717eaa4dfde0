import { POSITIONS } from '../kernel/role.ts';
import { assessAliases } from '../registry/alias-proof.ts';
import { assessOath } from '../registry/eligibility.ts';
import { type Assessment, gathered } from '../registry/requirement.ts';
import { type Body, dayLine, type Line, line, type Section } from './document.ts';
import { at, documentsSeen, statedFacts, textAt } from './document-content.ts';
import type { ProcedureFacts } from './document-facts.ts';
import { requirementLines } from './document-requirements.ts';
import * as words from './document-words.ts';
import { signatureSection } from './form-document.ts';
import { decisionRule, ruleOf } from './procedure.ts';

const NONE: Assessment = { unmet: [], toConfirm: [] };

/**
 * The sheet on which is decided (決裁): what is proposed, what speaks for it, and what becomes of the certificates. It
 * goes from desk to desk, so it names nobody of the couple, and of the staff only pseudonyms.
 */
export function decisionDocument(facts: ProcedureFacts): Body {
  const { procedure } = facts;
  const rule = ruleOf(procedure.kind);
  const { assessment, lines } = requirementsOf(facts);
  return {
    title: `決裁：${words.FORM_TITLES[procedure.kind]}`,
    sections: [
      {
        heading: '案',
        lines: [
          ...line('処理', words.PROPOSALS[procedure.kind], { code: procedure.kind }),
          ...line('受領証', words.CERTIFICATE_EFFECTS[rule.certificates], { code: rule.certificates }),
          ...(rule.returnDemanded ? line('返還', '受領証の返還を求める。') : []),
        ],
      },
      {
        heading: '受付',
        lines: [
          ...line('受付番号', procedure.id),
          ...dayLine('受付日', procedure.openedOn),
          ...line('届け出た方', words.FILER_WORDS[procedure.filedBy], { code: procedure.filedBy }),
          ...line('起案者', procedure.openedBy),
          ...line('状況', words.STATE_WORDS[procedure.state], { code: procedure.state }),
          ...dayLine('期限', procedure.dueOn),
        ],
      },
      { heading: '要件', lines },
      hearingSection(facts),
      internalSignatures(facts),
      decisionSection(facts),
    ],
    wording: [],
    sources: assessment.unmet.flatMap(({ sources }) => sources).concat(facts.ruleSet?.sources ?? []),
    toConfirm: [...assessment.toConfirm, ...procedure.toConfirm],
  };
}

/** Only an oath is measured by the scheme's requirements; whatever follows rests on an oath that met them. */
function requirementsOf(facts: ProcedureFacts): { assessment: Assessment; lines: Line[] } {
  const { procedure, content, ruleSet, record, on } = facts;
  if (ruleOf(procedure.kind).registration !== 'registers') return { assessment: NONE, lines: [] };
  if (!ruleSet || !record)
    return {
      assessment: { unmet: [], toConfirm: [{ requirement: 'rules_in_force', sources: [] }] },
      lines: [],
    };
  if (content === undefined) return { assessment: NONE, lines: [] };
  const couple = statedFacts(content);
  const aliases = Object.fromEntries(
    POSITIONS.map((position) => {
      const partner = at(content, 'partners', position);
      return [
        position,
        { used: textAt(partner, 'alias', 'name') !== undefined, seen: documentsSeen(partner) },
      ];
    }),
  );
  const assessment = gathered([
    assessOath(ruleSet, record, couple, procedure.appointment?.on ?? on),
    assessAliases(ruleSet, aliases),
  ]);
  return { assessment, lines: requirementLines(ruleSet, couple, assessment) };
}

function hearingSection({ procedure, content }: ProcedureFacts): Section {
  if (ruleOf(procedure.kind).decisionDue !== 'hearing') return { heading: '弁明の機会', lines: [] };
  const hearing = textAt(content, 'hearing');
  const word = Object.entries(words.HEARING_WORDS).find(([code]) => code === hearing)?.[1];
  return {
    heading: '弁明の機会',
    lines: [
      ...line('結果', word ?? '記録がない', { checked: word !== undefined }),
      ...dayLine('弁明の機会の日', at(content, 'hearingOn')),
    ],
  };
}

/** Inside the office it counts who has signed, whoever is protected. */
function internalSignatures(facts: ProcedureFacts): Section {
  return signatureSection({ ...facts, isProtected: { first: false, second: false } });
}

function decisionSection({ procedure, ruleSet }: ProcedureFacts): Section {
  const { kind, filedBy } = procedure;
  const { roles, fourEyes } = decisionRule(kind, filedBy, ruleSet?.issueNeedsApprover === true);
  return {
    heading: '決裁',
    lines: [
      ...line('決裁できる方', roles.map((role) => (role === 'approver' ? '決裁者' : '担当者')).join('・')),
      ...(fourEyes ? line('条件', '起案者とは別の人が決裁する。') : []),
      ...line('決裁した人', procedure.decidedBy),
      ...(procedure.decidedBy === null ? [] : dayLine('処理日', procedure.changedOn)),
    ],
  };
}
