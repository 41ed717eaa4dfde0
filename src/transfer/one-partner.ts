/**
 * What a couple reads of whom only one moves: whether the agreement lets them continue, who consents, which authority
 * holds the registration afterwards and what stays. Both consent in every case: the record is of both.
 */
export function onePartnerWords(allowed: boolean | null): {
  readonly allowed: 'yes' | 'no' | 'to_confirm';
  readonly text: { ja: string; en: string };
} {
  if (allowed === true)
    return {
      allowed: 'yes',
      text: {
        ja: 'お一人の転居でも継続できます。お二人とも同意が必要です。登録は転入先に移り、転出元の登録は終わります。お二人とも新しい受領証を受け取ります。',
        en: 'You can continue although only one of you moves. Both of you must consent. The registration goes to the new authority and ends at the old one. Both of you receive new certificates.',
      },
    };
  if (allowed === false)
    return {
      allowed: 'no',
      text: {
        ja: 'お一人だけの転居では継続できません。今の登録と受領証は、そのまま使えます。お二人とも転居したら、あらためて申告してください。',
        en: 'With only one of you moving, a continuation is not possible. Your present registration and certificates stay good. Apply again once both of you have moved.',
      },
    };
  return {
    allowed: 'to_confirm',
    text: {
      ja: 'お一人の転居で継続できるかは、窓口で確かめます（要確認）。それまで、今の登録と受領証はそのまま使えます。同意はお二人とも必要です。',
      en: 'Whether a continuation is possible with only one of you moving will be confirmed by the counter (要確認). Until then your registration and certificates stay good. Both of you must consent.',
    },
  };
}
