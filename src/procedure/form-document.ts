import { Refusal } from '../kernel/refusal.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { REQUIREMENTS, type Requirement } from '../registry/requirement.ts';
import { REQUIREMENT_WORDS } from '../registry/requirement-words.ts';
import type { RuleBook } from '../registry/rule-set.ts';
import { type Body, dayLine, type Line, line, type Section } from './document.ts';
import { at, oneAt, textAt } from './document-content.ts';
import { type ProcedureFacts, partnerOf, shownFilers, shownPositions } from './document-facts.ts';
import {
  aliasLines,
  familySection,
  personLines,
  placeName,
  positionsLine,
  residenceLines,
} from './document-lines.ts';
import * as words from './document-words.ts';
import { type ProcedureKind, ruleOf, signersOf } from './procedure.ts';

/**
 * The form as it is filled in (様式), ready to be signed. The lines of the authorities' own forms are not published, so
 * these are the least that the rules ask for; the wording is to be confirmed. An oath that is registered is shown as it
 * stands in the register.
 *
 * @throws Refusal `record_not_found` where what was filled in is no longer kept
 */
export function formDocument(facts: ProcedureFacts): Body {
  const { procedure, content, partners } = facts;
  const { kind } = procedure;
  const isOath = ruleOf(kind).registration === 'registers';
  if (content === undefined && !(isOath && partners)) throw new Refusal('record_not_found', {});
  return {
    title: words.FORM_TITLES[kind],
    form: ruleOf(kind).form,
    sections: [
      receiptSection(facts),
      ...(isOath ? shownPositions(facts) : shownFilers(facts)).map((position) => ({
        heading: `${isOath ? '宣誓する方' : '届け出る方'}（${words.POSITION_WORDS[position]}）`,
        lines: personLines(partnerOf(facts, position), facts.book),
      })),
      ...CONTENT_SECTIONS[kind](facts),
      signatureSection(facts),
    ],
    wording: [words.FORM_WORDING[kind]],
    toConfirm: [{ requirement: 'form_wording', sources: [] }],
  };
}

function receiptSection({ procedure, registration }: ProcedureFacts): Section {
  return {
    heading: '受付',
    lines: [
      ...dayLine('受付日', procedure.openedOn),
      ...line('届け出る方', words.FILER_WORDS[procedure.filedBy], { code: procedure.filedBy }),
      ...line('様式の版', procedure.formVersion),
      ...dayLine('宣誓日', registration?.oathDate),
      ...dayLine('予約日', procedure.appointment?.on),
      ...line('予約時刻', procedure.appointment?.at),
    ],
  };
}

/** Who has signed, and who still has to: a place to sign on paper is a line that is not ticked. */
export function signatureSection(facts: ProcedureFacts): Section {
  const { kind, filedBy } = facts.procedure;
  const shown = shownPositions(facts);
  return {
    heading: '署名',
    lines: signersOf(kind, filedBy)
      .filter((position) => shown.includes(position))
      .flatMap((position) => signatureLine(facts, position)),
  };
}

function signatureLine({ signatures }: ProcedureFacts, position: PartnerPosition): Line[] {
  const label = `署名（${words.POSITION_WORDS[position]}）`;
  const given = signatures.find((one) => one.position === position);
  if (!given) return line(label, '署名前', { code: position, checked: false });
  return dayLine(label, given.signedOn).map((one) => ({
    ...one,
    value: `${one.value} ${words.SIGNATURE_WORDS[given.method]}`,
    code: position,
    checked: true,
  }));
}

type Sections = (facts: ProcedureFacts) => readonly Section[];

const one = (heading: string, lines: readonly Line[]): readonly Section[] => [{ heading, lines }];

const end: Sections = (facts) => {
  const { content, book } = facts;
  const deceased = oneAt(POSITIONS, content, 'deceased');
  const destination = textAt(content, 'destination');
  return one('届出の内容', [
    ...dayLine('終了した日', at(content, 'endedOn')),
    ...positionsLine('亡くなられた方', [deceased], shownPositions(facts)),
    ...line('転出先', destination && placeName(book, destination)),
    ...line('当たらなくなった要件', requirementText(textAt(content, 'requirement'))),
  ]);
};

/** What each kind of form says beside who files it. */
const CONTENT_SECTIONS: { readonly [Kind in ProcedureKind]: Sections } = {
  oath: (facts) => familyOf(facts, facts.content ?? { familyMembers: facts.family }),
  residence_proof: (facts) =>
    shownPositions(facts).map((position) => ({
      heading: `転入後の住所（${words.POSITION_WORDS[position]}）`,
      lines: [
        ...residenceLines(at(facts.content, 'partners', position, 'residence'), facts.book),
        ...dayLine('書類の発行日', at(facts.content, 'partners', position, 'documentIssuedOn')),
      ],
    })),
  change: (facts) => {
    return [
      ...shownPositions(facts).map((position) => ({
        heading: `変更の内容（${words.POSITION_WORDS[position]}）`,
        lines: changeLines(at(facts.content, 'partners', position), facts.book),
      })),
      ...familyOf(facts, facts.content),
    ];
  },
  reissue: (facts) =>
    one('申請の内容', [
      ...line('理由', wordOf(words.REISSUE_WORDS, facts.content, 'reason')),
      ...positionsLine('再交付を受ける方', at(facts.content, 'positions'), shownPositions(facts)),
    ]),
  return: (facts) =>
    one('返還の内容', [
      ...dayLine('返還した日', at(facts.content, 'returnedOn')),
      ...positionsLine('返還する受領証', at(facts.content, 'positions'), shownPositions(facts)),
    ]),
  dissolution: end,
  death: end,
  moved_out: end,
  requirement_lost: end,
  revocation: ({ content }) =>
    one('記録', [
      ...line('事由', wordOf(words.GROUND_WORDS, content, 'ground')),
      ...line('弁明の機会', wordOf(words.HEARING_WORDS, content, 'hearing')),
      ...dayLine('弁明の機会の日', at(content, 'hearingOn')),
    ]),
  erroneous_entry: ({ content }) =>
    one('記録', line('誤りの内容', wordOf(words.ERROR_WORDS, content, 'what'))),
  certificate_of_fact: (facts) =>
    one('申請の内容', [
      ...positionsLine('証明を受ける方', [at(facts.content, 'forPosition')], shownPositions(facts)),
      ...line('本人確認', wordOf(words.IDENTITY_WORDS, facts.content, 'identityCheckedBy')),
    ]),
};

/** Left out where one partner is: the children may live with the one of whom nothing may be said. */
function familyOf(facts: ProcedureFacts, content: unknown): Section[] {
  return shownPositions(facts).length === POSITIONS.length ? [familySection(content)] : [];
}

function changeLines(change: unknown, book: RuleBook): Line[] {
  const newNames = [
    ...line('新しい氏名', textAt(change, 'registeredName')),
    ...line('新しいふりがな', textAt(change, 'kana')),
  ];
  const alias = at(change, 'alias') === null ? line('通称名', '使わない') : aliasLines(change);
  return [
    ...newNames,
    ...alias,
    ...residenceLines(at(change, 'residence'), book),
    ...dayLine('正しい生年月日', at(change, 'correctedBirthDate')),
  ];
}

function wordOf(table: Readonly<Record<string, string>>, content: unknown, name: string): string | undefined {
  const code = textAt(content, name);
  return code !== undefined && Object.hasOwn(table, code) ? table[code] : undefined;
}

function requirementText(code: string | undefined): string | undefined {
  const known: Requirement | undefined = REQUIREMENTS.find((requirement) => requirement === code);
  return known && REQUIREMENT_WORDS[known].ja;
}
