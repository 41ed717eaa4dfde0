import type { Words } from '../registry/rule-set.ts';

/** What is due. No name, no matter: the list hangs where many look. */
export const DEADLINE_WORDS = {
  complete_form: {
    ja: '届出の記入を待っています。',
    en: 'Waiting for the form to be filled in.',
  },
  decide_procedure: { ja: '届出を処理してください。', en: 'Decide on what was filed.' },
  correct_form: { ja: '補正を待っています。', en: 'Waiting for a correction.' },
  return_certificates: {
    ja: '受領証の返還を待っています。',
    en: 'Waiting for the certificates to be returned.',
  },
  prove_residence: {
    ja: '転入の確認ができる書類を待っています。',
    en: 'Waiting for the proof of the new address.',
  },
  complete_application: {
    ja: '継続申告の記入を待っています。',
    en: 'Waiting for the application for continuation.',
  },
  give_consent: {
    ja: 'お二人の同意を待っています。',
    en: 'Waiting for the consent of both partners.',
  },
  correct_application: {
    ja: '継続申告の補正を待っています。',
    en: 'Waiting for a correction of the application for continuation.',
  },
  decide_transfer: { ja: '継続申告を決裁してください。', en: 'Decide on the application for continuation.' },
  origin_answers: {
    ja: '転出元の自治体の返答を待っています。',
    en: 'Waiting for the origin to answer.',
  },
  end_hold: {
    ja: '転入先が記録を待っています。確認を終えて、保留を解くか断ってください。',
    en: 'The destination waits for a record. Finish the check and end the hold.',
  },
  notify_origin: {
    ja: '転出元の自治体への通知が届くのを確かめてください。',
    en: 'See that the notice reaches the origin.',
  },
  give_consent_to_filing: {
    ja: '転出の届出について、お二人の同意を待っています。',
    en: 'Waiting for the consent of both partners to what was filed here.',
  },
  answer_filing: {
    ja: '転出元から届いた届出を受け付けるか、決めてください。',
    en: 'Decide whether to take up what the origin has sent.',
  },
  destination_answers: {
    ja: '転入先の自治体の返答を待っています。',
    en: 'Waiting for the destination to answer.',
  },
} as const satisfies Record<string, Words>;

export type DeadlineKind = keyof typeof DEADLINE_WORDS;
