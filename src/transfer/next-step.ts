import type { CaseState } from './case-state.ts';

export type NextStep = { readonly code: string; readonly text: { readonly ja: string; readonly en: string } };

const STEPS = {
  draft: {
    code: 'complete_application',
    text: { ja: '継続申告の内容を入力してください。', en: 'Complete the application for continuation.' },
  },
  submitted: {
    code: 'give_consent',
    text: {
      ja: 'お二人それぞれの同意が必要です。ご自身の受領証を添えて同意してください。',
      en: 'Each partner must consent, presenting their own certificate.',
    },
  },
  correction: {
    code: 'correct_application',
    text: {
      ja: '窓口から確認のお願いがあります。内容を直して出し直してください。',
      en: 'The counter asks for a correction. Change the application and submit it again.',
    },
  },
  consented: {
    code: 'await_decision',
    text: { ja: '自治体が確認しています。', en: 'The authority is deciding.' },
  },
  requested: {
    code: 'await_origin',
    text: {
      ja: '転出元の自治体に記録を求めています。今の受領証はそのまま有効です。',
      en: 'The origin has been asked for the record. The present certificates stay valid.',
    },
  },
  staged: {
    code: 'await_release',
    text: {
      ja: '転出元からの引渡しを待っています。今の受領証はそのまま有効です。',
      en: 'Waiting for the origin to release the record. The present certificates stay valid.',
    },
  },
  activated: {
    code: 'await_certificates',
    text: {
      ja: '新しい受領証を作成しています。今の受領証はそのまま有効です。',
      en: 'The new certificates are being issued. The present ones stay valid.',
    },
  },
  completed: {
    code: 'none',
    text: { ja: '継続の手続は終わりました。', en: 'The continuation is complete.' },
  },
  withdrawn: {
    code: 'none',
    text: {
      ja: '取り下げられました。今の登録と受領証はそのまま有効です。',
      en: 'Withdrawn. The registration and its certificates stay as they were.',
    },
  },
  declined: {
    code: 'make_new_oath',
    text: {
      ja: '継続は認められませんでした。理由を確かめてください。新たな宣誓の手続をご案内します。今の登録はそのままです。',
      en: 'The continuation was not granted; see the reasons. The counter will show how to make a new oath. The present registration stays as it was.',
    },
  },
  consent_refused: {
    code: 'make_new_oath',
    text: {
      ja: '同意がそろわなかったため、継続はできません。新たな宣誓の手続をご案内します。',
      en: 'Without both consents there is no continuation. The counter will show how to make a new oath.',
    },
  },
  refused_by_origin: {
    code: 'ask_origin',
    text: {
      ja: '転出元の自治体から記録が渡されませんでした。転出元の窓口にお尋ねください。別の自治体への引継ぎが進んでいるときは、それを終えるか、取り下げてから、もう一度求めてください。',
      en: 'The origin did not release the record. Please ask the counter of the origin. If a move to another authority is under way, finish it or withdraw it, then ask again.',
    },
  },
  expired: {
    code: 'reopen',
    text: {
      ja: '期限が過ぎました。今の登録と受領証はそのまま有効です。入力した内容のまま、再開できます。',
      en: 'The time is over. The registration and its certificates stay as they were. The case can be taken up again as it was.',
    },
  },
  held: {
    code: 'await_origin',
    text: {
      ja: '転出元が確認しています。今の受領証はそのまま有効です。',
      en: 'The origin is checking. The present certificates stay valid.',
    },
  },
  offered: {
    code: 'await_destination',
    text: {
      ja: '転入先に記録の引渡しを申し出ました。取り下げることができます。',
      en: 'The record was offered to the destination. This can still be withdrawn.',
    },
  },
  released: {
    code: 'await_destination',
    text: {
      ja: '転入先に記録を引き渡しました。今の受領証は、新しい受領証ができるまで有効です。',
      en: 'The record was released. The present certificates stay valid until the new ones exist.',
    },
  },
  filing: {
    code: 'give_consent',
    text: {
      ja: '転出の届出を受け付けました。お二人それぞれの同意がそろうと、転入先へ送ります。',
      en: 'What you filed has been taken in. Once each partner has consented it is sent to the destination.',
    },
  },
  forwarded: {
    code: 'await_destination',
    text: {
      ja: '届出を転入先へ送りました。転入先が確認しています。今の受領証はそのまま有効です。',
      en: 'What you filed was sent to the destination, which is looking at it. The present certificates stay valid.',
    },
  },
  filed: {
    code: 'await_decision',
    text: {
      ja: '転出元で出された届出が届きました。窓口が確認しています。',
      en: 'What was filed at the origin has arrived. The counter is looking at it.',
    },
  },
  inquired: {
    code: 'await_origin',
    text: {
      ja: '転出元の自治体に手紙で確かめています。今の受領証はそのまま有効です。',
      en: 'The origin has been asked by letter. The present certificates stay valid.',
    },
  },
  answered: {
    code: 'await_decision',
    text: {
      ja: '転出元から返事が届きました。自治体が確認しています。',
      en: 'The origin has written back. The authority is deciding.',
    },
  },
  cancelled: {
    code: 'none',
    text: {
      ja: '引渡しは行われませんでした。登録はそのまま有効です。',
      en: 'Nothing was released. The registration stays in force.',
    },
  },
} as const satisfies Record<CaseState, NextStep>;

const ONE_MORE: NextStep = {
  code: 'give_consent',
  text: { ja: 'もうお一人の同意が必要です。', en: "The other partner's consent is needed." },
};

/** What the couple, or the counter, is to do or to wait for. @param consents how many partners have consented */
export function nextStepOf(
  state: CaseState,
  consents: number,
): { code: string; text: { ja: string; en: string } } {
  const { code, text } =
    (state === 'submitted' || state === 'filing') && consents === 1 ? ONE_MORE : STEPS[state];
  return { code, text: { ...text } };
}
