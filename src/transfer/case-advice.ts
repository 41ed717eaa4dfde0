import { CASE_STATES, type CaseState } from './case-state.ts';

type Words = { readonly ja: string; readonly en: string };

const READ_AGAIN: Words = {
  ja: '手続きを読み直して、次にすることを確かめてください。',
  en: 'Read the transfer again and see what comes next.',
};
const NEW_CASE: Words = {
  ja: 'この手続きは終わりました。続けたいときは、窓口で新しい手続きを始めてください。',
  en: 'This case is over. To go on, ask the counter to open a new one.',
};
const AFTER_RELEASE: Words = {
  ja: '記録は転入先に渡されたため、もう取り消せません。新しい受領証ができた後、転入先で解消するか、さらに別の自治体へ引き継ぐことができます。',
  en: 'The record has been handed over, which cannot be undone. Once the new certificates exist, you can end the registration at the new authority, or move it on from there.',
};

/** What whoever was refused can do instead, in this state of the case. */
const ADVICE: Record<CaseState, Words> = {
  draft: {
    ja: '先に、継続申告の内容を入力して提出してください。',
    en: 'First complete the application and submit it.',
  },
  submitted: READ_AGAIN,
  correction: {
    ja: '先に、お知らせした項目を直して、もう一度提出してください。',
    en: 'First correct the items that were named and submit again.',
  },
  consented: READ_AGAIN,
  requested: {
    ja: '転出元の返答を待っています。取り下げることはできます。',
    en: 'The origin has been asked and has not answered yet. You can still withdraw.',
  },
  staged: {
    ja: '転出元からの引渡しを待っています。取り下げを申し出ることはできます。',
    en: 'The record is about to be handed over. You can still ask to withdraw.',
  },
  activated: AFTER_RELEASE,
  completed: AFTER_RELEASE,
  released: AFTER_RELEASE,
  withdrawn: NEW_CASE,
  declined: NEW_CASE,
  consent_refused: NEW_CASE,
  cancelled: NEW_CASE,
  refused_by_origin: {
    ja: '転出元に尋ねて事情が解けたら、同じ内容でもう一度求めることができます（reopening）。',
    en: 'Ask the origin; once that is settled, the same application can be sent again (reopening).',
  },
  expired: {
    ja: '期限が過ぎています。しばらくの間は、入力した内容のまま再開できます（reopening）。',
    en: 'Its time is over. For some days it can be taken up again as it was (reopening).',
  },
  held: {
    ja: '転出元が確認しています。取り下げることはできます。',
    en: 'The origin is checking. You can still withdraw.',
  },
  offered: {
    ja: '転入先への引渡しを申し出ています。取り下げることはできます。',
    en: 'The record has been offered to the new authority. You can still withdraw.',
  },
  filing: {
    ja: '転出元で届出を受け付けています。お二人の同意がそろえば、転入先へ送れます。取り下げることもできます。',
    en: 'It is being filed at the origin. With both consents it can be sent to the destination. You can still withdraw.',
  },
  forwarded: {
    ja: '届出は転入先へ送られ、返答を待っています。取り下げることはできます。',
    en: 'It was sent to the destination, which has not answered yet. You can still withdraw.',
  },
  inquired: {
    ja: '転出元に手紙で確かめています。返事を記録すれば先へ進めます。取り下げることもできます。',
    en: 'The origin has been asked by letter. Once its answer is recorded the case goes on. You can still withdraw.',
  },
  answered: {
    ja: '転出元の返事が記録されています。記録した人とは別の決裁者が決めます。取り下げることもできます。',
    en: 'The answer of the origin is recorded; an approver other than who recorded it decides. You can still withdraw.',
  },
  filed: {
    ja: '転出元から届いた届出です。窓口が受け付けるまでお待ちください。取り下げることはできます。',
    en: 'It came from the origin. Wait until the counter has taken it up. You can still withdraw.',
  },
};

export function caseAdvice(state: string): Words {
  const known = CASE_STATES.find((one) => one === state);
  return known ? ADVICE[known] : READ_AGAIN;
}
