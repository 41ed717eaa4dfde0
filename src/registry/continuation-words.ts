import { hasChanges } from './continuation-difference.ts';
import type { ContinuationPreview, Difference, DueDate, Outcome } from './continuation-question.ts';
import { DOCUMENT_WORDS } from './requirement-words.ts';
import type { AgreementModel, FamilyRelation, Period, Waiver, Words } from './rule-set.ts';

const OUTCOME_WORDS = {
  continuable: {
    ja: '継続の手続きができる見込みです。',
    en: 'A continuation looks possible.',
  },
  continuable_with_changes: {
    ja: '継続の手続きができる見込みですが、変わる点や、あらためて確認する点があります。',
    en: 'A continuation looks possible, but some things change or have to be shown again.',
  },
  new_oath: {
    ja: '継続の対象とならない見込みです。転入先の制度で新たに宣誓できるかどうかをご確認ください。',
    en: 'This does not look like a continuation. Please see whether a new oath at the destination is possible.',
  },
  served_by_other_authority: {
    ja: '転入先の市町村には独自の制度がないため、府県の窓口で継続の手続きができる見込みです。',
    en: 'The municipality has no scheme of its own; a continuation looks possible with the prefecture.',
  },
  address_change_only: {
    ja: '受け持つ自治体は変わりません。住所の変更の届出だけで済む見込みです。',
    en: 'The same authority goes on serving you; reporting the new address looks sufficient.',
  },
  undetermined: {
    ja: '公表されている情報だけでは判断できません。担当課にお確かめください（要確認）。',
    en: 'What is published does not settle this. Please check with the offices.',
  },
} as const satisfies Record<Outcome, Words>;

const ASPECT_WORDS = {
  scheme_name: { ja: '制度の名称', en: 'Name of the scheme' },
  first_oath_date: { ja: '最初の宣誓日', en: 'Date of the first oath' },
  residence: { ja: '住所の要件', en: 'Residence' },
  cohabitation: { ja: '同居の要件', en: 'Living together' },
  single_status: { ja: '事実婚の相手がいないこと', en: 'No de facto relationship with another person' },
  minimum_age: { ja: '年齢の要件', en: 'Minimum age' },
  adoption: { ja: 'お二人の間の養子縁組', en: 'An adoption between the two' },
  alias: { ja: '通称名の記載', en: 'Alias on the certificate' },
  family_members: { ja: 'ご家族の記載', en: 'Family members on the certificate' },
  certificate_formats: { ja: '受領証の様式', en: 'Formats of the certificate' },
  channel: { ja: '申請の方法', en: 'Way of filing' },
} as const satisfies Record<Difference['aspect'], Words>;

const EFFECT_WORDS = {
  kept: { ja: '引き継がれます', en: 'Kept' },
  lapses: { ja: '引き継がれません', en: 'Not carried over' },
  prove_again: { ja: 'あらためて確認があります', en: 'Shown again' },
  to_confirm: { ja: '要確認', en: 'To be confirmed' },
} as const satisfies Record<Difference['effect'], Words>;

/** Where "carried over" would say the wrong thing. */
const EFFECT_WORDS_OF: {
  readonly [A in Difference['aspect']]?: Partial<Record<Difference['effect'], Words>>;
} = {
  channel: {
    kept: { ja: 'ご希望の方法で受け付けています', en: 'Open in the way you wish' },
    lapses: {
      ja: 'ご希望の方法では受け付けていません。ほかの方法をお選びください',
      en: 'Not open in the way you wish; please choose another',
    },
  },
};

const RELATION_WORDS = {
  child: { ja: '子', en: 'child' },
  adopted_child: { ja: '養子', en: 'adopted child' },
  parent: { ja: '親', en: 'parent' },
  adoptive_parent: { ja: '養親', en: 'adoptive parent' },
  spouse_of_adoptive_parent: { ja: '養親の配偶者', en: 'spouse of an adoptive parent' },
} as const satisfies Record<FamilyRelation, Words>;

/** Where it is filed and what becomes of the certificates, under each model of agreement. */
const MODEL_WORDS = {
  continuation_at_destination: {
    ja: '手続きは転入先で行い、受領証は転入先のものに替わります。',
    en: 'It is filed with the destination, which replaces the certificates by its own.',
  },
  continued_use: {
    ja: '手続きは転出元で行い、今の受領証をそのままお使いいただけます。',
    en: 'It is filed with the origin, and your certificates go on being used.',
  },
  information_handover: {
    ja: 'まず転出元に情報の引継ぎを申し出て、その後、転入先に新しい住所が分かる書類をお示しください。申し出はお一人でもできます。',
    en: 'First ask the origin to hand the information over; one of you may do so. Then show the destination your new address.',
  },
  new_oath_with_waiver: {
    ja: '転入先であらためて宣誓する取扱いですが、連携協定により省ける手続きや書類があります。',
    en: 'You swear again at the destination, but the agreement spares you some steps or documents.',
  },
} as const satisfies Record<AgreementModel, Words>;

const WITH_CHANGES: Words = {
  ja: '変わる点や、あらためて確認する点があります。',
  en: 'Some things change or have to be shown again.',
};

const DATE_WORDS = {
  earliest_appointment: { ja: '予約できる最も早い日', en: 'Earliest appointment' },
  documents_not_older_than: { ja: 'この日以後に発行された書類', en: 'Documents issued on or after' },
  residence_proof_due: {
    ja: '転入前に手続きをした場合に、新しい住所が分かる書類を示す期限',
    en: 'If filed before the move, the new address is shown by',
  },
} as const satisfies Record<DueDate['what'], Words>;

const PERIOD_WORDS: Record<Period['unit'], (n: number) => Words> = {
  day: (n) => ({ ja: `${n}日`, en: counted(n, 'day') }),
  open_day: (n) => ({ ja: `${n}開庁日`, en: counted(n, 'open day') }),
  month: (n) => ({ ja: `${n}か月`, en: counted(n, 'month') }),
};

export const WAIVER_WORDS = {
  return_of_certificate_to_origin: {
    ja: '転出元への受領証の返還',
    en: 'Returning the certificates to the origin',
  },
  new_oath: { ja: '再度の宣誓', en: 'A new oath' },
  single_status_proof: { ja: '独身証明書などの提出', en: 'Proof of having no spouse' },
} as const satisfies Record<Waiver, Words>;

/** The outcome in one to three sentences: whether, where to file, and what follows from it. */
export function outcomeText(preview: ContinuationPreview, language: keyof Words): string {
  const { outcome, model, filing, differences } = preview;
  const sentences: Words[] = [];
  // With an oath that the agreement makes easier, "not a continuation" would be only half of it.
  if (outcome !== 'new_oath' || filing === null) sentences.push(OUTCOME_WORDS[outcome]);
  if (outcome === 'served_by_other_authority' && hasChanges(differences)) sentences.push(WITH_CHANGES);
  if (model !== null && filing !== null) sentences.push(MODEL_WORDS[model]);
  return sentences.map((words) => words[language]).join(language === 'ja' ? '' : ' ');
}

/** What is concerned, and what becomes of it. */
export function differenceText({ aspect, effect, relations }: Difference, language: keyof Words): string {
  const whom = relations?.map((relation) => RELATION_WORDS[relation][language]) ?? [];
  const named = language === 'ja' ? `（${whom.join('・')}）` : ` (${whom.join(', ')})`;
  const becomes = EFFECT_WORDS_OF[aspect]?.[effect] ?? EFFECT_WORDS[effect];
  return `${ASPECT_WORDS[aspect][language]}${whom.length > 0 ? named : ''}: ${becomes[language]}`;
}

/** What falls on the day, by which period and for which documents; a day that is not certain says so. */
export function dateText(date: DueDate, language: keyof Words): string {
  const { what, period, documents, unconfirmed } = date;
  const details = [
    ...documents.map((document) => DOCUMENT_WORDS[document][language]),
    ...(period ? [PERIOD_WORDS[period.unit](period.n)[language]] : []),
    ...(unconfirmed ? [EFFECT_WORDS.to_confirm[language]] : []),
  ];
  const said = `${DATE_WORDS[what][language]}: ${date.on}`;
  if (details.length === 0) return said;
  return language === 'ja' ? `${said}（${details.join('、')}）` : `${said} (${details.join(', ')})`;
}

function counted(n: number, what: string): string {
  return n === 1 ? `1 ${what}` : `${n} ${what}s`;
}
