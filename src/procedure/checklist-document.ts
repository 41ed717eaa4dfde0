import { Refusal } from '../kernel/refusal.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { WAIVER_WORDS } from '../registry/continuation-words.ts';
import type { SeenDocument } from '../registry/couple-facts.ts';
import { isJapanDay, type JapanDay, monthsAfter } from '../registry/japan-day.ts';
import { DOCUMENT_WORDS } from '../registry/requirement-words.ts';
import { isUnconfirmed, type RequiredDocument, sourcesOf } from '../registry/rule-set.ts';
import { type Body, dayInWords, type Line, type Open, type Section } from './document.ts';
import { at, documentsSeen, textAt } from './document-content.ts';
import type { ProcedureFacts } from './document-facts.ts';
import * as words from './document-words.ts';
import { signatureSection } from './form-document.ts';
import { filersOf, ruleOf } from './procedure.ts';

/** What offices elsewhere ask for, where this one's list is not known: shown with a point to confirm. */
const USUAL_FOR_OATH: readonly RequiredDocument[] = [
  usual('oath_form', 'couple'),
  usual('residence_record', 'partner', 3),
  usual('single_status_proof', 'partner', 3),
  usual('photo_id', 'partner'),
];

/**
 * The sheet on which the counter ticks off what it has seen (点検表). For the office alone; it names nobody.
 *
 * @throws Refusal `record_not_found` where what was seen is no longer kept
 */
export function checklistDocument(facts: ProcedureFacts): Body {
  const { procedure, ruleSet } = facts;
  if (facts.content === undefined) throw new Refusal('record_not_found', {});
  const isOath = ruleOf(procedure.kind).registration === 'registers';
  const list = isOath ? (ruleSet?.oathDocuments ?? null) : null;
  const documents = eased(list ?? (isOath ? USUAL_FOR_OATH : usualFor(facts)), procedure.easedBy);
  const sources = ruleSet ? sourcesOf(ruleSet, 'oathDocuments') : [];
  const isOpen = list === null || (ruleSet !== null && isUnconfirmed(ruleSet, 'oathDocuments'));
  const seen = (position: PartnerPosition) => seenOf(facts, position);
  return {
    title: `点検表：${words.FORM_TITLES[procedure.kind]}`,
    sections: [
      {
        heading: '書類',
        lines: documentLines(documents, seen, {
          positions: isOath ? POSITIONS : concerned(facts),
          on: procedure.appointment?.on ?? facts.on,
        }),
      },
      ...easingSection(facts),
      signatureSection({ ...facts, isProtected: { first: false, second: false } }),
      ALWAYS,
    ],
    wording: [],
    sources: isOath ? sources : [],
    toConfirm: listToConfirm(isOpen, isOath ? sources : []),
  };
}

/** What an agreement spares is not asked for; the certificates it rests on are (東京都 2025). */
function eased(
  documents: readonly RequiredDocument[],
  easedBy: ProcedureFacts['procedure']['easedBy'],
): readonly RequiredDocument[] {
  if (!easedBy) return documents;
  const waived: readonly string[] = easedBy.waived;
  const left = documents.filter(({ document }) => !waived.includes(document));
  return left.some(({ document }) => document === 'origin_certificates')
    ? left
    : [...left, usual('origin_certificates', 'partner')];
}

function easingSection({ procedure: { easedBy } }: ProcedureFacts): Section[] {
  if (!easedBy) return [];
  return [
    {
      heading: '取決めにより省けるもの',
      lines: easedBy.waived.map((code) => ({ label: WAIVER_WORDS[code].ja, value: '省略', code })),
    },
  ];
}

/** What the law and the couple's safety ask of every case. */
export const ALWAYS: Section = {
  heading: 'いつも確かめること',
  lines: [
    ['no_individual_number', '個人番号', '書類に個人番号の記載がない'],
    ['private_place', '場所', '話がほかの人に聞こえない場所で受け付ける'],
    ['contact', '連絡', '連絡してよい方法と時間を、お一人ずつ確かめる'],
    ['envelope', '封筒', '送る場合は、差出人と表題から内容が分からないものを使う'],
  ].map(([code = '', label = '', value = '']) => ({ label, value, code, checked: false })),
};

type Sighting = { readonly positions: readonly PartnerPosition[]; readonly on: JapanDay };

/** A line for each document and each partner who brings it: what is asked, and what was seen. */
export function documentLines(
  documents: readonly RequiredDocument[],
  seen: (position: PartnerPosition) => readonly SeenDocument[],
  { positions, on }: Sighting,
): Line[] {
  return documents.flatMap((required) => {
    if (required.per === 'couple') return [documentLine(required, POSITIONS.flatMap(seen), on)];
    return positions.map((position) => ({
      ...documentLine(required, seen(position), on),
      label: `${DOCUMENT_WORDS[required.document].ja}（${words.POSITION_WORDS[position]}）`,
    }));
  });
}

function documentLine(
  { document, maxAgeMonths, onlyByPost }: RequiredDocument,
  seen: readonly SeenDocument[],
  on: JapanDay,
): Line {
  const shown = seen.filter((one) => one.document === document);
  const isFresh = ({ issuedOn }: SeenDocument) =>
    maxAgeMonths === null || (issuedOn !== null && monthsAfter(issuedOn, maxAgeMonths) >= on);
  const best = shown.find(isFresh) ?? shown[0];
  const asked = [
    ...(maxAgeMonths === null ? [] : [`発行から${maxAgeMonths}か月以内`]),
    ...(onlyByPost ? ['郵送の場合'] : []),
  ];
  const result = best === undefined ? '未確認' : isFresh(best) ? '確認済み' : '新しいものが必要';
  return {
    label: DOCUMENT_WORDS[document].ja,
    value: [...asked, result].join('、'),
    code: document,
    checked: best !== undefined && isFresh(best),
    ...(best?.issuedOn ? { day: dayInWords(best.issuedOn) } : {}),
  };
}

/** What is brought to a later procedure; no authority of the network publishes a list for these. */
function usualFor({ procedure, content }: ProcedureFacts): readonly RequiredDocument[] {
  if (filersOf(procedure.filedBy).length === 0) return [];
  const hasAlias = POSITIONS.some(
    (position) => textAt(content, 'partners', position, 'alias', 'name') !== undefined,
  );
  const hasFamily = at(content, 'familyMembers') !== undefined;
  switch (ruleOf(procedure.kind).registration) {
    case 'clears_residence_due':
      return [usual('residence_record', 'partner', 3), usual('photo_id', 'partner')];
    case 'changes':
      return [
        usual('photo_id', 'partner'),
        usual('residence_record', 'partner', 3),
        ...(hasAlias ? [usual('alias_proof', 'partner')] : []),
        ...(hasFamily ? [usual('family_proof', 'couple')] : []),
      ];
    case 'registers':
    case 'ends':
    case 'none':
      return [usual('photo_id', 'partner')];
  }
}

function concerned({ procedure }: ProcedureFacts): readonly PartnerPosition[] {
  return filersOf(procedure.filedBy);
}

function seenOf({ content, procedure }: ProcedureFacts, position: PartnerPosition): readonly SeenDocument[] {
  const partner = at(content, 'partners', position);
  const shownOn = textAt(partner, 'documentIssuedOn');
  return [
    ...(documentsSeen(partner) ?? []),
    ...(!isJapanDay(shownOn) ? [] : [{ document: 'residence_record' as const, issuedOn: shownOn }]),
    ...(procedure.kind === 'certificate_of_fact' &&
    at(content, 'forPosition') === position &&
    at(content, 'identityCheckedBy') === 'photo_id'
      ? [{ document: 'photo_id' as const, issuedOn: null }]
      : []),
  ];
}

export function usual(
  document: RequiredDocument['document'],
  per: RequiredDocument['per'],
  maxAgeMonths: number | null = null,
): RequiredDocument {
  return { document, per, maxAgeMonths, onlyByPost: false };
}

/** That the list of documents is not published, where it is not. */
export function listToConfirm(isOpen: boolean, sources: readonly string[]): Open[] {
  return isOpen ? [{ requirement: 'documents', sources }] : [];
}
