import type { PauseReason } from './case-clock.ts';

export type Words = { readonly ja: string; readonly en: string };
type Step = { readonly title: Words; readonly couple: Words; readonly office: Words };

/** Short sentences, one thought each: whoever reads them is moving house. */
export const STEP_WORDS = {
  fill_in: {
    title: { ja: '継続申告を書く', en: 'Fill in the application' },
    couple: {
      ja: '継続申告を書いて、提出してください。途中で保存できます。',
      en: 'Fill in the application and submit it. You can save it at any time.',
    },
    office: {
      ja: '申告の提出を待っています。窓口で入力することもできます。',
      en: 'Waiting for the application. The counter can also fill it in.',
    },
  },
  consent: {
    title: { ja: 'お二人それぞれが同意する', en: 'Each partner consents' },
    couple: {
      ja: '渡される項目を読んで、同意するか決めてください。あなたの受領証が必要です。',
      en: 'Read what is handed over and decide whether you consent. You need your own certificate.',
    },
    office: {
      ja: 'お二人の同意を待っています。窓口で署名を受けて記録することもできます。',
      en: 'Waiting for both consents. A signed sheet can be recorded at the counter.',
    },
  },
  decide: {
    title: { ja: '自治体が確かめて決める', en: 'The authority checks and decides' },
    couple: {
      ja: '自治体が内容を確かめています。お待ちください。',
      en: 'The authority is checking your application. Please wait.',
    },
    office: {
      ja: '要件と書類を確かめ、決裁してください。',
      en: 'Check the requirements and the documents; then an approver decides.',
    },
  },
  take_up: {
    title: { ja: '転入先が届出を受け付ける', en: 'The destination takes it up' },
    couple: {
      ja: '転入先の窓口が届出を確かめています。お待ちください。',
      en: 'The counter of the destination is looking at what you filed. Please wait.',
    },
    office: {
      ja: '届出を確かめ、受け付けるか、理由を付けて断ってください。',
      en: 'Look at what was filed; take it up, or decline with a reason.',
    },
  },
  write_to_origin: {
    title: { ja: '転出元に手紙で尋ねる', en: 'The origin is asked by letter' },
    couple: {
      ja: '自治体が、転出元に手紙を出します。お待ちください。',
      en: 'The authority writes to the origin. Please wait.',
    },
    office: {
      ja: '要件を確かめ、照会の手紙を印刷して出し、出した日を記録してください。',
      en: 'Check the requirements, print the letter and send it; then record the day.',
    },
  },
  origin_writes_back: {
    title: { ja: '転出元が返事を出す', en: 'The origin writes back' },
    couple: {
      ja: '転出元の返事を待っています。手紙なので、日数がかかります。',
      en: 'Waiting for the answer of the origin. A letter takes some days.',
    },
    office: {
      ja: '返事が届いたら、内容と文書番号、書面のハッシュ値を記録してください。',
      en: 'When the answer is there, record what it says, its number and the digest of the letter.',
    },
  },
  origin_answers: {
    title: { ja: '転出元が答える', en: 'The origin answers' },
    couple: {
      ja: '転出元の自治体に記録を求めています。お待ちください。',
      en: 'The origin has been asked for your record. Please wait.',
    },
    office: {
      ja: '転出元の返答を待っています。',
      en: 'Waiting for the origin to answer.',
    },
  },
  hand_over: {
    title: { ja: '記録が渡される', en: 'The record is handed over' },
    couple: {
      ja: '記録が渡されるところです。ふつうは数秒で終わります。',
      en: 'The record is being handed over. This usually takes seconds.',
    },
    office: {
      ja: '記録の引渡しが進んでいます。操作は要りません。',
      en: 'The record is being handed over. Nothing needs to be done.',
    },
  },
  issue: {
    title: { ja: '新しい受領証ができる', en: 'The new certificates are made' },
    couple: {
      ja: '新しい受領証を作っています。お待ちください。',
      en: 'The new certificates are being made. Please wait.',
    },
    office: {
      ja: '新しい受領証を作成しています。操作は要りません。',
      en: 'The new certificates are being made. Nothing needs to be done.',
    },
  },
} as const satisfies Record<string, Step>;

export type ProgressCode = keyof typeof STEP_WORDS;

export const CERTIFICATE_WORDS = {
  present_ones: {
    ja: '今お持ちの受領証は、そのまま使えます。',
    en: 'The certificates you have now stay good.',
  },
  new_ones: {
    ja: '新しい受領証が使えます。前の受領証は使えなくなりました。',
    en: 'The new certificates are good. The earlier ones are not any more.',
  },
  new_ones_after_paper: {
    ja: '新しい受領証が使えます。前の紙の受領証は、この仕組みでは無効にできません。転出元へお返しください。',
    en: 'The new certificates are good. The earlier ones on paper cannot be ended from here: please return them to the origin.',
  },
  ended_here: {
    ja: '転入先の新しい受領証が使えます。ここの受領証は使えなくなりました。',
    en: 'The new certificates of the other authority are good. Those from here are not any more.',
  },
} as const satisfies Record<string, Words>;

export const PAUSE_WORDS = {
  awaiting_third_party: {
    ja: 'ほかからの書類を待つ間、期限は止まっています。',
    en: 'While a paper from elsewhere is awaited, no time runs.',
  },
  couple_asked: {
    ja: 'お申し出により、期限は止まっています。',
    en: 'At your request, no time runs.',
  },
  office_closed: {
    ja: '窓口が開くまで、期限は止まっています。',
    en: 'Until the office opens again, no time runs.',
  },
} as const satisfies Record<PauseReason, Words>;

export const GUIDE_WORDS = {
  stated_on_paper: {
    ja: '紙の受領証と手紙の返事による手続です。電子署名による確認はしていません。',
    en: 'This rests on certificates on paper and on a letter. Nothing of it is verified by a signature.',
  },
  write_again: {
    ja: '照会の手紙をもう一度印刷して送ることができます。',
    en: 'The letter can be printed and sent once more.',
  },
  origin_is_checking: {
    ja: '転出元が確認しています。お伝えした日まで、お待ちください。',
    en: 'The origin is checking. Please wait until the day that is named.',
  },
  origin_is_late: {
    ja: '転出元の返答が遅れています。窓口から問い合わせます。お二人がすることはありません。',
    en: 'The origin is late with its answer. The counter will ask. There is nothing you need to do.',
  },
  telephone_origin: {
    ja: '転出元の担当課に電話で確かめ、結果を記録してください。',
    en: "Telephone the origin's office and record what was said.",
  },
  resend_now: {
    ja: '求めを今すぐもう一度送ることができます。',
    en: 'The request can be sent again now.',
  },
  remind_origin: {
    ja: '転出元の窓口に、人による返答を求めることができます。',
    en: "A reminder can ask the origin's counter for an answer by a person.",
  },
  new_oath_with_waiver: {
    ja: '待たずに、書類を省いた新しい宣誓をすることもできます。今の登録を先に終える必要があります。窓口でご相談ください。',
    en: 'Instead of waiting, a new oath with fewer documents is possible. The present registration must end first. Please ask the counter.',
  },
  exception_to_confirm: {
    ja: '返答がないときの特例があるかは、要綱で確かめる必要があります（要確認）。',
    en: 'Whether the rules know an exception where there is no answer must be confirmed (要確認).',
  },
  end_hold: {
    ja: '確認が済んだら、保留を解くか、決裁者が断ってください。',
    en: 'When the check is done, end the hold; only an approver declines.',
  },
  make_new_oath: {
    ja: '新しく宣誓することができます。必要な書類は窓口でご案内します。',
    en: 'You can make a new oath. The counter will tell you which documents are needed.',
  },
  ask_origin: {
    ja: '理由は転出元の窓口にお尋ねください。ここでは分かりません。',
    en: 'Please ask the counter of the origin for the reason. It is not known here.',
  },
  finish_other_move: {
    ja: '別の自治体への引継ぎが進んでいるときは、先にそれを終えるか、取り下げてください。',
    en: 'If a move to another authority is under way, finish it or withdraw it first.',
  },
  ask_again: {
    ja: 'その後、書き直しも同意のし直しもなしに、もう一度求めることができます。',
    en: 'After that the origin can be asked again, without filling in or consenting anew.',
  },
  take_up_again: {
    ja: '期限が過ぎましたが、書いた内容のまま再開できます。',
    en: 'The time is over, but you can go on with what you filled in.',
  },
  after_release: {
    ja: '記録は渡されたため、取り下げはできません。受領証ができた後、転入先で解消や別の自治体への引継ぎができます。',
    en: 'The record has been handed over, so this cannot be withdrawn. Afterwards you can end it or move it on from the new authority.',
  },
  move_on: {
    ja: 'さらに引っ越すときは、新しい受領証を使って、次の自治体で継続を申告できます。',
    en: 'If you move again, use the new certificates to continue at the next authority.',
  },
  correct_here: {
    ja: '記載に誤りがあるときは、この自治体の変更の手続で直せます。',
    en: 'If something in the record is wrong, it is corrected here, by a change.',
  },
  withdraw: {
    ja: 'お一人でも、今なら取り下げることができます。',
    en: 'Either of you can withdraw now.',
  },
} as const satisfies Record<string, Words>;
