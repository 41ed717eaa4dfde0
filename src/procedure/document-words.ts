import type { PartnerPosition } from '../kernel/role.ts';
import type { FamilyRelation } from '../registry/rule-set.ts';
import type { Filer, ProcedureKind, ProcedureRule } from './procedure.ts';
import type { ProcedureState } from './procedure-state.ts';

/** Nothing here promises an effect in law or speaks of marriage: the scheme has neither. */

/** What leaves the office in an envelope: whoever sees it learns that the office wrote, and no more. */
export const NEUTRAL_TITLE = '手続きのお知らせ';

export const FORM_TITLES = {
  oath: '宣誓書',
  residence_proof: '転入後の住所の届',
  change: '記載事項変更届',
  reissue: '受領証再交付申請書',
  return: '受領証返還届',
  dissolution: '宣誓の解消届',
  death: '死亡の届',
  moved_out: '転出の届',
  requirement_lost: '要件に当たらなくなった旨の届',
  revocation: '登録の取消しに関する調書',
  erroneous_entry: '誤記載の訂正に関する調書',
  certificate_of_fact: '事実証明書交付申請書',
} as const satisfies Record<ProcedureKind, string>;

/** The opening sentence of each form. Each authority has its own: 要確認. */
export const FORM_WORDING = {
  oath: '私たちは、お互いを人生のパートナーとし、日常の生活において協力し合うことを、次のとおり宣誓します。',
  residence_proof: '転入したことが分かる書類を添えて、次のとおり届け出ます。',
  change: '登録した内容に変更がありましたので、次のとおり届け出ます。',
  reissue: '受領証の再交付を、次のとおり申請します。',
  return: '受領証を、次のとおり返還します。',
  dissolution: '宣誓を解消しましたので、次のとおり届け出ます。',
  death: '次のとおり届け出ます。',
  moved_out: '転出しましたので、次のとおり届け出ます。',
  requirement_lost: '要件に当たらなくなりましたので、次のとおり届け出ます。',
  revocation: '登録の取消しについて、次のとおり記録します。',
  erroneous_entry: '登録の誤記載について、次のとおり記録します。',
  certificate_of_fact: '宣誓が登録されていた事実の証明を、次のとおり申請します。',
} as const satisfies Record<ProcedureKind, string>;

export const PROPOSALS = {
  oath: '宣誓を登録する。',
  residence_proof: '転入の確認ができたものとして、確認待ちの状態を終える。',
  change: '届出のとおり、登録の内容を改める。',
  reissue: '届出のとおり、受領証を再交付する。',
  return: '受領証の返還を受け付ける。',
  dissolution: '届出のとおり、登録を終える。',
  death: '届出のとおり、登録を終える。',
  moved_out: '届出のとおり、登録を終える。',
  requirement_lost: '届出のとおり、登録を終える。',
  revocation: '登録を取り消す。',
  erroneous_entry: '誤って記載された登録を取り消す。',
  certificate_of_fact: '宣誓が登録されていた事実を証明する書面を交付する。',
} as const satisfies Record<ProcedureKind, string>;

export const CERTIFICATE_EFFECTS = {
  issues: 'お二人それぞれに受領証を交付する。',
  replaces: '新しい受領証ができた時に、今の受領証と入れ替わる。それまでは今の受領証が有効である。',
  replaces_where_printed:
    '記載が変わる受領証だけを作り直す。新しい受領証ができた時に入れ替わり、それまでは今の受領証が有効である。',
  surrenders: '返還された受領証は使えなくなる。登録は変わらない。',
  revokes: 'お二人の受領証は、どちらも使えなくなる。',
  none: '受領証は変わらない。',
} as const satisfies Record<ProcedureRule['certificates'], string>;

export const POSITION_WORDS = {
  first: 'お一人目',
  second: 'お二人目',
} as const satisfies Record<PartnerPosition, string>;

export const FILER_WORDS = {
  first: 'お一人目',
  second: 'お二人目',
  both: 'お二人',
  office: '窓口（職権）',
} as const satisfies Record<Filer, string>;

export const STATE_WORDS = {
  draft: '記入中',
  submitted: '受付済み',
  correction: '補正中',
  done: '処理済み',
  withdrawn: '取下げ',
  declined: '却下',
  expired: '期限切れ',
} as const satisfies Record<ProcedureState, string>;

/** The letter to whoever filed: what happened and what to do, without naming the matter. */
export const NOTICE_WORDING = {
  draft: 'まだ記入されていないところがあります。続きをご記入ください。',
  submitted: '書類を受け付けました。確認が終わるまでお待ちください。',
  correction: '書類について確認したいことがあります。次の点をご確認のうえ、出し直してください。',
  done: '手続きが終わりました。お渡しする書類がある場合は、窓口でお受け取りください。',
  withdrawn: '取下げを受け付けました。記入された内容は残りません。',
  declined: 'お申し出のとおりに進めることができませんでした。内容は窓口でご説明します。',
  expired: '期限までに書類がそろわなかったため、いったん終了しました。あらためてお申し出いただけます。',
} as const satisfies Record<ProcedureState, string>;

/** Codes of the decision's reasons, as an invitation to bring or say something. */
export const REASON_WORDS: Readonly<Record<string, string>> = {
  residence_unclear: 'お住まいが分かる書類を、あらためてお持ちください。',
  document_missing: '足りない書類があります。必要な書類をお持ちください。',
  document_outdated: '発行から日が経っている書類があります。新しいものをお持ちください。',
  identity_unclear: 'ご本人の確認ができる書類をお持ちください。',
  requirement_unmet: '要件について、窓口で確認させてください。',
  certificate_unclear: 'お持ちの書類を、窓口で確認させてください。',
  already_done: '同じ手続きが、すでに済んでいます。',
  other: 'くわしくは窓口でご説明します。',
};

export const RELATION_WORDS = {
  child: '子',
  adopted_child: '子（養子）',
  parent: '親',
  adoptive_parent: '親（養親）',
  spouse_of_adoptive_parent: '養親の配偶者',
} as const satisfies Record<FamilyRelation, string>;

export const RESIDENCE_WORDS = { resident: '現住所', moving_in: '転入予定', elsewhere: '住所' } as const;

export const REISSUE_WORDS = { lost: '紛失', damaged: '汚損・破損' } as const;
export const GROUND_WORDS = {
  false_statement: '届出の内容が事実と異なる',
  misuse: '受領証の不適切な使用',
} as const;
export const HEARING_WORDS = {
  held: '話を聴いた',
  statement_received: '書面を受け取った',
  no_answer: '期限までに返答がなかった',
  waived: '本人が辞退した',
} as const;
export const ERROR_WORDS = {
  registered_twice: '同じお二人が二度登録された',
  wrong_couple: '別の方の登録に記載された',
  not_sworn: '宣誓が行われていない',
  entered_by_mistake: '誤って入力された',
} as const;
export const IDENTITY_WORDS = {
  photo_id: '顔写真付きの書類',
  known_in_person: '面識',
  two_documents: '書類二点',
} as const;
export const SIGNATURE_WORDS = {
  session: '電子',
  counter: '窓口（書面）',
  wallet: 'ウォレット（電子署名）',
} as const;
