import type { AuthorityCode } from '../kernel/authority.ts';
import { Refusal } from '../kernel/refusal.ts';
import { POSITIONS } from '../kernel/role.ts';
import { assessContinuation } from '../registry/eligibility.ts';
import type { Couple } from '../registry/registration-store.ts';
import type { Assessment } from '../registry/requirement.ts';
import {
  type Agreement,
  isUnconfirmed,
  type PostalOffice,
  type RequiredDocument,
  sourcesOf,
  type Words,
} from '../registry/rule-set.ts';
import type { CaseState } from '../transfer/case-state.ts';
import { consentText, ITEM_WORDS, PAPER_ITEM_WORDS, paperConsentText } from '../transfer/consent-text.ts';
import type { LetterRow } from '../transfer/letter-store.ts';
import type { LetterAnswer } from '../transfer/paper-case.ts';

import { ALWAYS, documentLines, listToConfirm, usual } from './checklist-document.ts';
import { type Body, dayLine, type Frame, type Line, line, type Section } from './document.ts';
import { at, documentsSeen, oneAt, statedFacts } from './document-content.ts';
import { personLines, residenceLines } from './document-lines.ts';
import { requirementLines } from './document-requirements.ts';
import { NEUTRAL_TITLE, POSITION_WORDS, SIGNATURE_WORDS } from './document-words.ts';

/** All that the documents of a continuation are made of, at the authority where it is filed. */
export type ContinuationFacts = Frame & {
  readonly transfer: {
    readonly id: string;
    readonly state: CaseState;
    readonly openedBy: string;
    readonly openedOn: string;
  };
  readonly origin: Words;
  /** Whether the origin runs no node and is asked by letter, and where it gets its letters. */
  readonly byPost: boolean;
  readonly postal: PostalOffice | null;
  readonly letter: LetterRow | undefined;
  readonly nameOf: (code: AuthorityCode) => Words;
  /** Those that join the two on that day, the one that goes first before the others. */
  readonly agreements: readonly Agreement[];
  /** As filed; undefined before. */
  readonly application: unknown;
  readonly consents: readonly {
    readonly position: 'first' | 'second';
    readonly method: 'session' | 'counter' | 'wallet';
    readonly givenOn: string;
    /** What the presented certificate disclosed, in the words of a form. */
    readonly person: unknown;
  }[];
  readonly registration: { readonly id: string; readonly oathDate: string } | undefined;
  /** When the new certificates were issued. */
  readonly issuedOn: string | undefined;
};

/** The application with both declarations (継続申告書), each partner's own consent included. */
export function continuationForm(facts: ContinuationFacts): Body {
  const { application, book, transfer, origin, authority, byPost } = facts;
  const who = oneAt(['both', 'one'] as const, application, 'move', 'who');
  const planned = at(application, 'move', 'status') === 'planned';
  return {
    title: '宣誓継続申告書',
    form: 'continuation',
    sections: [
      {
        heading: '受付',
        lines: [
          ...dayLine('受付日', transfer.openedOn),
          ...line('転出元', origin.ja),
          ...line('転入先', authority.name.ja),
          ...dayLine(planned ? '転入予定日' : '転入日', at(application, 'move', 'on')),
          ...line('転入する方', who && (who === 'both' ? 'お二人' : 'お一人')),
        ],
      },
      ...POSITIONS.map((position) => ({
        heading: `申告する方（${POSITION_WORDS[position]}）`,
        lines: [
          ...personLines(consentOf(facts, position)?.person, book),
          ...residenceLines(at(application, 'partners', position, 'residence'), book),
        ],
      })),
      consentSection(facts),
    ],
    wording: [
      '宣誓をした関係が続いていること、要件に当たることを申告します。',
      (byPost ? paperConsentText : consentText)(origin, authority.name).ja,
    ],
    sources: caseUnder(facts).agreement?.sources ?? [],
    toConfirm: [{ requirement: 'form_wording', sources: [] }],
  };
}

/**
 * The notice to the authority that the couple has left: that a continuation was filed here and certificates issued, with
 * what the provision of personal data rests on (個人情報保護法69条2項1号), item by item. The registration's number is all the
 * other authority needs to know which couple it is.
 *
 * @throws Refusal `transfer_state_conflict` before the certificates are issued
 */
export function noticeToOrigin(facts: ContinuationFacts): Body {
  const { transfer, origin, authority, registration, issuedOn, record, consents, byPost, letter } = facts;
  const allowed = ['activated', 'completed'];
  if (!allowed.includes(transfer.state))
    throw new Refusal('transfer_state_conflict', { state: transfer.state, allowed });
  return {
    title: NEUTRAL_TITLE,
    form: 'notice_to_origin',
    addressee: `${origin.ja} 御中`,
    sections: [
      {
        heading: '通知',
        lines: [
          ...line('通知先', origin.ja),
          ...line('通知元', authority.name.ja),
          // By post the origin never knew this number: its own letter is what it can find.
          ...(byPost ? line('貴庁の文書番号', letter?.documentNumber) : line('登録の番号', registration?.id)),
          ...line('受付番号', transfer.id),
          ...dayLine('申告の受付日', transfer.openedOn),
          ...dayLine('受領証の交付日', issuedOn),
        ],
      },
      {
        heading: '個人情報の提供',
        lines: [
          ...line('提供を受けた機関', authority.name.ja),
          ...line('保有する機関', origin.ja),
          ...line('目的', 'お二人の申告による宣誓の継続'),
          ...line(
            '項目',
            (byPost ? PAPER_ITEM_WORDS : Object.values(ITEM_WORDS)).map(({ ja }) => ja).join('、'),
          ),
          ...line('記録の形式', byPost ? '書面' : '電磁的記録（署名と暗号化をした通信文）'),
          ...line('根拠', 'お二人それぞれの同意（個人情報の保護に関する法律第69条第2項第1号）'),
          ...consents.flatMap(({ position, givenOn }) =>
            dayLine(`同意の日（${POSITION_WORDS[position]}）`, givenOn),
          ),
        ],
      },
      {
        heading: 'この通知で伝える項目',
        lines: line('項目', '継続の申告があったこと、新しい受領証の交付日'),
      },
    ],
    wording: [
      '継続の申告に基づき、新しい受領証を交付しましたのでお知らせします。',
      byPost
        ? '貴庁が交付された受領証は、お二人にお返しいただくようご案内しています。貴庁での処理をお願いします。'
        : '貴庁が交付された受領証は、新しい受領証に入れ替わりました。',
    ],
    sources: caseUnder(facts).agreement?.sources ?? [],
    toConfirm:
      record?.deadlines.unconfirmed === false ? [] : [{ requirement: 'notice_deadline', sources: [] }],
  };
}

/** The sheet on which the continuation is decided (決裁). It names nobody of the couple. */
export function continuationDecision(facts: ContinuationFacts): Body {
  const { transfer, origin, authority, ruleSet, record, byPost } = facts;
  const { agreement, assessment, lines } = caseUnder(facts);
  return {
    title: '決裁：宣誓の継続',
    sections: [
      {
        heading: '案',
        lines: [
          ...line('処理', `${origin.ja}での宣誓を、${authority.name.ja}で継続する。`),
          ...line(
            '受領証',
            byPost
              ? '新しい受領証をお二人に交付し、転出元の受領証は転出元へ返すよう案内する。'
              : '新しい受領証をお二人に交付する。転出元の受領証は、交付されるまで有効で、交付された時に使えなくなる。',
          ),
          ...line(
            '記録',
            byPost
              ? `${origin.ja}の書面の回答を登録の根拠とする。署名による検証はしていない。`
              : `${origin.ja}に記録の引渡しを求め、継続の申告があったことを知らせる。`,
          ),
        ],
      },
      {
        heading: '受付',
        lines: [
          ...line('受付番号', transfer.id),
          ...dayLine('受付日', transfer.openedOn),
          ...line('起案者', transfer.openedBy),
          ...line('協定', agreement?.name.ja ?? '両自治体がともに加わる協定がない', {
            checked: agreement !== undefined,
          }),
        ],
      },
      { heading: '要件', lines },
      ...answerSection(facts),
      consentSection(facts),
      {
        heading: '決裁',
        lines: [
          ...line('決裁できる方', '決裁者'),
          ...line('条件', '起案者とは別の人が決裁する。'),
          ...dayLine('受領証の交付日', facts.issuedOn),
        ],
      },
    ],
    wording: [],
    sources: [...(ruleSet?.sources ?? []), ...(agreement?.sources ?? [])],
    toConfirm: [
      ...assessment.toConfirm,
      ...(ruleSet && record ? [] : [{ requirement: 'rules_in_force', sources: [] }]),
    ],
  };
}

const ANSWER_WORDS = {
  confirmed: '記録があり、有効である',
  denied: '記録はあるが、継続できない',
  no_record: '記録がない',
} as const satisfies Record<LetterAnswer, string>;

/** What the origin has written back: the one thing on which a continuation by post rests. */
function answerSection({ letter, nameOf }: ContinuationFacts): Section[] {
  if (!letter) return [];
  const { sentOn, answer, answeredOn, documentNumber, letterSha256, firstOathDate, firstAuthority } = letter;
  return [
    {
      heading: '転出元への照会',
      lines: [
        ...dayLine('照会した日', sentOn),
        ...line('回答', answer && ANSWER_WORDS[answer]),
        ...dayLine('回答の日', answeredOn),
        ...line('文書番号', documentNumber),
        ...line('書面のSHA-256', letterSha256),
        ...dayLine('最初の宣誓日（回答）', firstOathDate),
        ...line('最初に宣誓した自治体（回答）', firstAuthority && nameOf(firstAuthority).ja),
        ...line('記録した者', letter.recordedBy),
      ],
    },
  ];
}

/** What offices elsewhere ask for at a continuation, where this one's list is not known. */
const USUAL: readonly RequiredDocument[] = [
  usual('continuation_form', 'couple'),
  usual('origin_certificates', 'partner'),
  usual('address_change_proof', 'partner', 3),
  usual('photo_id', 'partner'),
];

/** The sheet on which the counter ticks off what it has seen (点検表); what the agreement waives is not on it. */
export function continuationChecklist(facts: ContinuationFacts): Body {
  const { ruleSet, application, on } = facts;
  const { agreement } = caseUnder(facts);
  const list = ruleSet?.continuationDocuments ?? null;
  const waived: readonly string[] = agreement?.waives ?? [];
  const sources = ruleSet ? sourcesOf(ruleSet, 'continuationDocuments') : [];
  const isOpen = list === null || (ruleSet !== null && isUnconfirmed(ruleSet, 'continuationDocuments'));
  return {
    title: '点検表：宣誓の継続',
    sections: [
      {
        heading: '書類',
        lines: documentLines(
          (list ?? USUAL).filter(({ document }) => !waived.includes(document)),
          (position) => documentsSeen(at(application, 'partners', position)) ?? [],
          { positions: POSITIONS, on },
        ),
      },
      consentSection(facts),
      ALWAYS,
    ],
    wording: [],
    sources: [...sources, ...(agreement?.sources ?? [])],
    toConfirm: listToConfirm(isOpen, sources),
  };
}

type Case = {
  readonly agreement: Agreement | undefined;
  readonly assessment: Assessment;
  readonly lines: readonly Line[];
};

/**
 * The case as the rules of the day see it. Of several agreements the first under which nothing is unmet applies, else the
 * one that goes first (as in the decision itself); one that only spares documents of a new oath carries nothing over.
 */
function caseUnder(facts: ContinuationFacts): Case {
  const { ruleSet, record, application, on } = facts;
  const agreements = facts.agreements.filter(({ model }) => model !== 'new_oath_with_waiver');
  const open: Case = { agreement: agreements[0], assessment: { unmet: [], toConfirm: [] }, lines: [] };
  if (!ruleSet || !record || application === undefined) return open;
  const couple = statedFacts(application, birthDates(facts));
  const cases = agreements.map((agreement): Case => {
    const assessment = assessContinuation(ruleSet, record, agreement, couple, on);
    return { agreement, assessment, lines: requirementLines(ruleSet, couple, assessment) };
  });
  return cases.find(({ assessment }) => assessment.unmet.length === 0) ?? cases[0] ?? open;
}

function birthDates(facts: ContinuationFacts): Partial<Couple<string>> {
  const each = POSITIONS.flatMap((position) => {
    const birthDate = at(consentOf(facts, position)?.person, 'birthDate');
    return typeof birthDate === 'string' ? [[position, birthDate] as const] : [];
  });
  return Object.fromEntries(each) as Partial<Couple<string>>;
}

function consentOf({ consents }: ContinuationFacts, position: 'first' | 'second') {
  return consents.find((one) => one.position === position);
}

/** Each partner's own consent: without both there is no continuation. */
function consentSection(facts: ContinuationFacts): Section {
  return {
    heading: '同意',
    lines: POSITIONS.flatMap((position) => {
      const label = `同意（${POSITION_WORDS[position]}）`;
      const given = consentOf(facts, position);
      if (!given) return line(label, '同意前', { code: position, checked: false });
      return dayLine(label, given.givenOn).map((one) => ({
        ...one,
        value: `${one.value} ${SIGNATURE_WORDS[given.method]}`,
        code: position,
        checked: true,
      }));
    }),
  };
}
