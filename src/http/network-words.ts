import type { ContactCause } from '../federation/peer-contacts.ts';
import type { TrustFaultReason } from '../federation/trust-fault.ts';

export type Words = { readonly ja: string; readonly en: string };

/** Why a peer is not reached, and where to look first. */
export const CAUSE_WORDS: Readonly<Record<ContactCause, Words>> = {
  name_not_resolved: {
    ja: '相手の名前を解決できません。DNS の設定を確かめてください。',
    en: 'Its name cannot be resolved. Check the DNS.',
  },
  connection_refused: {
    ja: '相手につながりません。相手のサーバーが動いているか、経路を確かめてください。',
    en: 'No connection to it. Check whether its server runs, and the way to it.',
  },
  connection_cut: {
    ja: '通信が途中で切れます。経路と中継の機器を確かめてください。',
    en: 'The connection is cut midway. Check the way to it and what stands in between.',
  },
  too_slow: {
    ja: 'つながりますが、時間内に答えが届きません。相手の負荷を確かめてください。',
    en: 'It is connected but does not answer in time. Ask about its load.',
  },
  tls_refused: {
    ja: '相手の TLS 証明書を確認できません。期限と名前を確かめてください。',
    en: 'Its TLS certificate cannot be verified. Check its end and its name.',
  },
  answer_too_large: {
    ja: '答えが大きすぎるため読みませんでした。相手に確かめてください。',
    en: 'Its answer is too large and was not read. Ask it why.',
  },
  server_error: {
    ja: '相手のサーバーがエラーを返します。相手に確かめてください。',
    en: 'Its server answers with an error. Ask it why.',
  },
};

export function clockWords(fastSeconds: number): Words {
  const seconds = Math.abs(fastSeconds);
  return fastSeconds > 0
    ? {
        ja: `このノードの時計が約${seconds}秒進んでいるようです。時刻の同期を確かめてください。`,
        en: `This node's clock seems to be ${seconds} s fast. Check its time synchronisation.`,
      }
    : {
        ja: `このノードの時計が約${seconds}秒遅れているようです。時刻の同期を確かめてください。`,
        en: `This node's clock seems to be ${seconds} s slow. Check its time synchronisation.`,
      };
}

const LIST_NOT_THERE: readonly TrustFaultReason[] = [
  'unreachable',
  'response_unusable',
  'statement_not_found',
];

/** Why the members of a superior (the trust anchor, or an intermediate below it) are not known. */
export function listWords(reason: TrustFaultReason): Words {
  if (LIST_NOT_THERE.includes(reason))
    return {
      ja: '会員の一覧を取得できません。相手のサーバーと公開されたファイルを確かめてください。新しい会員はまだ認識されません。',
      en: 'Its list of members cannot be had. Check its server and its published files; new members are not recognised meanwhile.',
    };
  if (reason === 'expired')
    return {
      ja: '公開された文書の期限が切れています。公開し直すよう相手に連絡してください。新しい会員はまだ認識されません。',
      en: 'What it has published has run out. Ask it to publish anew; new members are not recognised meanwhile.',
    };
  return {
    ja: '公開された一覧を信頼できません。相手に確かめてください。新しい会員はまだ認識されません。',
    en: 'What it has published is not to be believed. Ask it why; new members are not recognised meanwhile.',
  };
}
