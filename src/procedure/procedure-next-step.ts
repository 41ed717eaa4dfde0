import { noticeTo, ruleOf } from './procedure.ts';
import type { ProcedureRow } from './procedure-store.ts';

/** Who reads it: the couple is told what to do in their own words, the counter in its own. */
export type Reader = 'couple' | 'office';
type Words = { readonly ja: string; readonly en: string };
type Step = { readonly [Each in Reader]: Words };

const STEPS = {
  complete_form: {
    couple: { ja: '内容を入力して、提出してください。', en: 'Fill in the form and submit it.' },
    office: {
      ja: '内容の入力を待っています。窓口で入力し、提出することもできます。',
      en: 'The form is being filled in. The counter can also fill it in and submit it.',
    },
  },
  sign: {
    couple: {
      ja: '提出した内容を確かめて、署名してください。',
      en: 'Check what was submitted, and sign it.',
    },
    office: {
      ja: '署名がそろうのを待っています。書面の署名は窓口で記録できます。',
      en: 'A signature is still missing. What was signed on paper can be recorded at the counter.',
    },
  },
  await_decision: {
    couple: { ja: '自治体が確認しています。', en: 'The authority is looking at it.' },
    office: {
      ja: '内容と書類を確認し、処理または決裁をしてください。',
      en: 'Check the form and the documents, and decide.',
    },
  },
  hold_hearing: {
    couple: { ja: '自治体が確認しています。', en: 'The authority is looking at it.' },
    office: {
      ja: '弁明の機会の結果が内容に記録されていることを確かめ、決裁者が決裁してください。',
      en: 'See that the hearing and its result stand in the form; then an approver decides.',
    },
  },
  correct_form: {
    couple: {
      ja: '内容を直して、もう一度提出してください。',
      en: 'Correct the form and submit it again.',
    },
    office: {
      ja: '内容が直されて、もう一度提出されるのを待っています。',
      en: 'The form is being corrected and will be submitted again.',
    },
  },
  receive_certificates: {
    couple: {
      ja: '手続は終わりました。新しい受領証が作られたときは、お渡しします。今の受領証は、それまで有効です。',
      en: 'This is done. Where a new certificate was made you will receive it; the present one is good until then.',
    },
    office: {
      ja: '手続は終わりました。新しい受領証が作られたときは、お渡しください。',
      en: 'This is done. Hand over the new certificates, where any were made.',
    },
  },
  return_certificates: {
    couple: {
      ja: '登録は終了しました。受領証を窓口に返してください。',
      en: 'The registration has ended. Please hand in the certificates.',
    },
    office: {
      ja: '登録は終了しました。受領証の返還を受け、返還の手続で記録してください。',
      en: 'The registration has ended. Receive the certificates and record it as a return.',
    },
  },
  send_notice: {
    couple: {
      ja: '登録は終了しました。受領証を窓口に返してください。',
      en: 'The registration has ended. Please hand in the certificates.',
    },
    office: {
      ja: '通知をお送りし、受領証の返還を受けて、返還の手続で記録してください。',
      en: 'Send the notice, receive the certificates and record it as a return.',
    },
  },
  receive_document: {
    couple: { ja: '事実証明書をお渡しします。', en: 'The certificate of fact will be handed to you.' },
    office: {
      ja: '事実証明書を印刷して、お渡しください。',
      en: 'Print the certificate of fact and hand it over.',
    },
  },
  tell_other_partner: {
    couple: { ja: '手続は終わりました。', en: 'This is done.' },
    office: {
      ja: '変更を記録しました。もうお一人の受領証も新しくなるときは、通知してお渡しください。',
      en: "The change is recorded. Where the other partner's certificate is new too, send a notice and hand it over.",
    },
  },
  none: {
    couple: { ja: '手続は終わりました。', en: 'This is done.' },
    office: { ja: '手続は終わりました。', en: 'This is done.' },
  },
  none_withdrawn: {
    couple: {
      ja: '取り下げられました。登録は何も変わりません。入力された内容は消去されました。',
      en: 'Withdrawn. Nothing in the registration changes; what was filled in has been destroyed.',
    },
    office: {
      ja: '取り下げられました。入力された内容は消去されました。',
      en: 'Withdrawn. What was filled in has been destroyed.',
    },
  },
  ask_counter: {
    couple: {
      ja: 'この手続は認められませんでした。理由を確かめ、ご不明の点は窓口にお尋ねください。',
      en: 'This was not granted. See the reasons, and ask the counter if anything is unclear.',
    },
    office: {
      ja: '認めませんでした。入力された内容は消去されました。',
      en: 'Not granted. What was filled in has been destroyed.',
    },
  },
  begin_again: {
    couple: {
      ja: '期限が過ぎたため終了しました。入力された内容は消去されました。必要なときは、新しく始めてください。',
      en: 'This ended because its time was over; what was filled in has been destroyed. Begin anew if you need it.',
    },
    office: {
      ja: '期限が過ぎたため終了しました。入力された内容は消去されました。',
      en: 'Ended because its time was over. What was filled in has been destroyed.',
    },
  },
} as const satisfies Record<string, Step>;

export type NextStepCode = keyof typeof STEPS;

type Told = Pick<ProcedureRow, 'kind' | 'state' | 'filedBy'>;

/** What is to be done next, or waited for. @param missing how many signatures are still missing */
export function nextProcedureStep(
  row: Told,
  missing: number,
  reader: Reader,
): { code: string; text: { ja: string; en: string } } {
  const code = stepOf(row, missing);
  return { code: code === 'none_withdrawn' ? 'none' : code, text: { ...STEPS[code][reader] } };
}

function stepOf(row: Told, missing: number): NextStepCode {
  switch (row.state) {
    case 'draft':
      return 'complete_form';
    case 'submitted':
      if (missing > 0) return 'sign';
      return ruleOf(row.kind).decisionDue === 'hearing' ? 'hold_hearing' : 'await_decision';
    case 'correction':
      return 'correct_form';
    case 'done':
      return stepAfter(row);
    case 'withdrawn':
      return 'none_withdrawn';
    case 'declined':
      return 'ask_counter';
    case 'expired':
      return 'begin_again';
  }
}

function stepAfter({ kind, filedBy }: Told): NextStepCode {
  const { certificates, returnDemanded, form } = ruleOf(kind);
  const tells = noticeTo(kind, filedBy).length > 0;
  if (returnDemanded) return tells ? 'send_notice' : 'return_certificates';
  if (certificates === 'replaces_where_printed' && tells) return 'tell_other_partner';
  if (certificates === 'issues' || certificates.startsWith('replaces')) return 'receive_certificates';
  return form === 'certificate_of_fact' ? 'receive_document' : 'none';
}
