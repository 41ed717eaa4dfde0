import type { FaultCode } from './check-name.ts';
import type { Told } from './check-words.ts';

/** What is wrong, and how it is repaired: a command, a setting by name, or who can do it. */
export type FaultWords = { readonly wrong: (fact: string) => Told; readonly repair: Told };

const SYNC: Told = {
  ja: '時刻同期を直してください（timedatectl set-ntp true）',
  en: 'repair the time synchronisation (timedatectl set-ntp true)',
};
const VERSION: Told = {
  ja: 'ノードを今の版にして起動し直し、前のプロキシが要求と応答を書き換えていないか確かめてください',
  en: 'run the present version of the node, and make sure that no proxy in front of it rewrites requests or answers',
};
const PROXY: Told = {
  ja: 'プロキシの設定を確かめ、CHIKAI_ISSUER のアドレスがそのままノードの PORT に届くようにしてください',
  en: 'let the proxy hand the address in CHIKAI_ISSUER on to the node’s PORT as it is',
};
const KEY_FILE: Told = {
  ja: '動いているノードの CHIKAI_KEYS_FILE とこの .env の鍵を同じにし、ノードを起動し直してください',
  en: 'give the running node the CHIKAI_KEYS_FILE of this .env and start it again',
};
const ASK_ANCHOR: Told = {
  ja: '信頼の基点の管理者に、公開鍵（hand-over.json）とアドレスを渡して直してもらってください（npm run anchor -- rotate member / show）',
  en: 'hand public keys and address (hand-over.json) to the anchor’s keeper again (npm run anchor -- rotate member, show)',
};
const OTHER_COPY: Told = {
  ja: '.env の設定で node --env-file=.env src/main.ts が動くか確かめてください',
  en: 'see whether node --env-file=.env src/main.ts runs with these settings',
};

export const FAULT_WORDS: { readonly [Code in FaultCode]: FaultWords } = {
  check_broken: words('この検査が途中で止まりました', 'this check broke off', {
    ja: 'もう一度実行し、続くようなら報告してください',
    en: 'run it again, and report it if it stays',
  }),
  settings_faulty: words('設定に誤りがあります', 'the settings have faults', {
    ja: '.env の名指された変数を .env.example に従って直してください',
    en: 'correct the variables named, after .env.example',
  }),
  keys_faulty: words('鍵のファイルを使えません', 'the key file cannot be used', {
    ja: 'CHIKAI_KEYS_FILE をバックアップから戻してください。まだ登録がなければ npm run keys -- FILE で作れます',
    en: 'restore CHIKAI_KEYS_FILE from its backup; before the first registration npm run keys -- FILE makes a new one',
  }),
  keys_incomplete: words('鍵が足りません', 'keys are missing', {
    ja: 'npm run keys -- --complete FILE で加え、ノードを起動し直してください',
    en: 'add them with npm run keys -- --complete FILE and start the node again',
  }),
  keys_of_anchor: words('この自治体の鍵が信頼の基点の鍵と同じです', 'this authority’s key is the anchor’s', {
    ja: 'CHIKAI_KEYS_FILE に npm run keys -- FILE で作った別の鍵を指定してください',
    en: 'let CHIKAI_KEYS_FILE name keys of its own, made by npm run keys -- FILE',
  }),
  file_open: words('他の利用者が読めるファイルです', 'other users may read this file', {
    ja: 'chmod 600 で閉じ、読まれたおそれがあれば鍵を替えてください（npm run keys -- --rotate）',
    en: 'close it with chmod 600, and change the keys if it may have been read (npm run keys -- --rotate)',
  }),
  x5c_expired: words('X.509証明書の期限が切れています', 'an X.509 certificate has expired', {
    ja: '新しい証明書を CHIKAI_X5C_FILE に入れ、ノードを起動し直してください',
    en: 'put a new certificate into CHIKAI_X5C_FILE and start the node again',
  }),
  x5c_ending: words('X.509証明書の期限が近づいています', 'an X.509 certificate ends soon', {
    ja: '今のうちに新しい証明書を取り、CHIKAI_X5C_FILE を替えてください',
    en: 'get a new certificate now and replace CHIKAI_X5C_FILE',
  }),
  database_away: words('データベースに入れません', 'the database lets nobody in', {
    ja: 'PostgreSQL が動いているか、DATABASE_URL のロール・パスワード・ポートを確かめてください',
    en: 'see that PostgreSQL runs, and check role, password and port in DATABASE_URL',
  }),
  database_old: words('PostgreSQL が古すぎます', 'PostgreSQL is too old', {
    ja: 'PostgreSQL 15 以上に上げてください（pg_upgrade）',
    en: 'upgrade to PostgreSQL 15 or newer (pg_upgrade)',
  }),
  role_too_strong: words('アプリのロールの権限が合いません', 'the application’s role has the wrong rights', {
    ja: 'DATABASE_URL には chikai_app だけに属するロールを、所有者は MIGRATION_DATABASE_URL に指定してください',
    en: 'let DATABASE_URL name a role that is a member of chikai_app alone; the owner belongs into MIGRATION_DATABASE_URL',
  }),
  role_may_delete: words('アプリが行を削除できる表があります', 'the application may delete from tables', {
    ja: '所有者で revoke delete, truncate on all tables in schema public from chikai_app と、そのログインロールからも取り消してください',
    en: 'as the owner: revoke delete, truncate on all tables in schema public from chikai_app, and from the log-in role',
  }),
  schema_unfit: words('表がこの版に合いません', 'the tables do not fit this version', {
    ja: 'MIGRATION_DATABASE_URL を指定してノードを起動し、移行を済ませてください',
    en: 'start the node once with MIGRATION_DATABASE_URL, which runs the migrations',
  }),
  database_clock_off: words(
    'データベースの時計がずれています（秒）',
    'the database’s clock is off (seconds)',
    SYNC,
  ),
  database_zone_odd: words(
    'データベースの時間帯が日本でも協定世界時でもありません',
    'the database’s time zone is neither Japan’s nor UTC',
    {
      ja: "alter database … set timezone to 'Asia/Tokyo' を実行してください",
      en: "run alter database … set timezone to 'Asia/Tokyo'",
    },
  ),
  database_not_durable: words('停電で失われる設定です', 'a power cut would lose what was written', {
    ja: 'postgresql.conf でこの設定を on にしてください',
    en: 'set it to on in postgresql.conf',
  }),
  address_unreachable: words('アドレスにつながりません', 'the address does not answer', {
    ja: 'ノードを起動し（node --env-file=.env src/main.ts）、DNS・ファイアウォール・TLS証明書の鎖を確かめてください',
    en: 'start the node (node --env-file=.env src/main.ts); check DNS, firewall and the chain of the TLS certificate',
  }),
  address_redirects: words('別のアドレスへ転送しています', 'it redirects', {
    ja: 'プロキシの転送を止めるか、CHIKAI_ISSUER を転送しないアドレスにしてください。加盟ノードは転送に従いません',
    en: 'stop the proxy’s redirect, or take an address that does not redirect as CHIKAI_ISSUER: members follow none',
  }),
  address_status: words(
    '表明の代わりに別の状態を返します',
    'it answers with a status instead of its statement',
    PROXY,
  ),
  tls_ending: words('TLS証明書の期限が近づいています', 'the TLS certificate ends soon', {
    ja: 'プロキシのTLS証明書を更新してください',
    en: 'renew the proxy’s TLS certificate',
  }),
  configuration_foreign: words('別の名のノードが答えます', 'a node of another name answers', {
    ja: 'CHIKAI_ISSUER と公開アドレスを一致させ、末尾の / も確かめてください',
    en: 'let CHIKAI_ISSUER be the public address, letter for letter, without a trailing slash',
  }),
  configuration_other_key: words(
    '答えたノードはこの鍵で署名していません',
    'the node that answers does not sign with this key',
    KEY_FILE,
  ),
  configuration_other_certificate_key: words(
    '答えたノードはこの鍵を公開していません',
    'the node that answers does not publish this key',
    KEY_FILE,
  ),
  configuration_refused: words('表明を読めません', 'its statement cannot be read', VERSION),
  configuration_other_superior: words(
    '表明がこの上位を名指していません',
    'its statement does not name this superior',
    {
      ja: '動いているノードの CHIKAI_ANCHOR（または CHIKAI_SUPERIOR）を直し、起動し直してください',
      en: 'correct CHIKAI_ANCHOR (or CHIKAI_SUPERIOR) of the running node and start it again',
    },
  ),
  clock_off: words(
    '基点に比べてこの機械の時計がずれています（秒）',
    'this machine’s clock is off against the anchor’s (seconds)',
    SYNC,
  ),
  node_clock_off: words('ノードの時計がずれています（秒）', 'the node’s clock is off (seconds)', SYNC),
  not_live: words('/livez が 200 を返しません', '/livez is not 200', VERSION),
  not_ready: words('ノードの準備ができていません', 'the node is not ready', {
    ja: '名指された項目を直してください。own_trust_chain は数十秒待つか、CHIKAI_ANCHOR_KEYS_FILE を確かめてください',
    en: 'repair what is named; for own_trust_chain wait some seconds, or check CHIKAI_ANCHOR_KEYS_FILE',
  }),
  document_missing: words('公開文書がありません', 'a public document is missing', PROXY),
  body_unlimited: words('大きすぎる要求を断りません', 'a request that is too large is not refused', VERSION),
  half_open_blocks: words('黙った接続があると答えません', 'silent connections keep it from answering', {
    ja: 'プロキシの接続数と接続の時間制限を見直してください',
    en: 'look at the proxy’s limits for connections and their time',
  }),
  slow_kept: words(
    '終わらない要求を切りません（秒待ちました）',
    'a request that never ends is kept (seconds waited)',
    {
      ja: 'プロキシの要求ヘッダーの時間制限を10秒以下にしてください（nginx: client_header_timeout 10s）',
      en: 'limit the time for request headers at the proxy to 10 s (nginx: client_header_timeout 10s)',
    },
  ),
  anchor_unreachable: words('信頼の基点が答えません', 'the trust anchor does not answer', {
    ja: 'CHIKAI_ANCHOR のアドレスと、この機械から外へのHTTPSを確かめてください',
    en: 'check the address in CHIKAI_ANCHOR, and that this machine may call out by https',
  }),
  anchor_other_key: words(
    '信頼の基点は、渡された鍵で署名していません',
    'the anchor does not sign with the key that was handed over',
    {
      ja: '基点の管理者から公開鍵を受け取り直し、CHIKAI_ANCHOR_KEYS_FILE に入れてください。取り寄せずに、手渡しか電話で確かめてください',
      en: 'get the anchor’s public keys from its keeper again, in person or by telephone, into CHIKAI_ANCHOR_KEYS_FILE',
    },
  ),
  anchor_refused: words('信頼の基点の表明を使えません', 'the anchor’s statement cannot be used', {
    ja: '基点の管理者に npm run anchor -- check と publish を頼んでください',
    en: 'ask the anchor’s keeper for npm run anchor -- check and publish',
  }),
  statement_other_key: words(
    '信頼の基点は別の鍵を名指しています',
    'the anchor vouches for another key',
    ASK_ANCHOR,
  ),
  statement_refused: words(
    '信頼の基点のこのノードについての表明を使えません',
    'the anchor’s statement about this node cannot be used',
    ASK_ANCHOR,
  ),
  chain_refused: words('信頼の鎖が成り立ちません', 'the trust chain does not hold', ASK_ANCHOR),
  mark_refused: words(
    '協定の証か公開する項目を使えません',
    'the agreement’s mark or the published metadata cannot be used',
    ASK_ANCHOR,
  ),
  agreement_over: words('協定の期間が終わっています', 'the agreement is over', {
    ja: '基点の管理者に協定の期間を確かめてください（npm run anchor -- mark renew）',
    en: 'ask the anchor’s keeper about the agreement’s dates (npm run anchor -- mark renew)',
  }),
  not_listed: words('加盟の一覧にありません', 'not in the list of members', ASK_ANCHOR),
  history_missing: words(
    '加盟の履歴にないか、読めません',
    'not in the member history, or it cannot be read',
    {
      ja: '基点の管理者に npm run anchor -- publish を頼んでください',
      en: 'ask the anchor’s keeper for npm run anchor -- publish',
    },
  ),
  status_list_missing: words('失効リストを取れません', 'the status list cannot be had', PROXY),
  status_list_refused: words('失効リストを信じられません', 'the status list is not to be believed', VERSION),
  etag_missing: words('失効リストに ETag がありません', 'the status list has no ETag', {
    ja: 'プロキシが ETag を消さないようにしてください（圧縮や書換えを止める）',
    en: 'keep the proxy from removing ETag (switch compression and rewriting off)',
  }),
  etag_ignored: words('If-None-Match に 304 を返しません', 'If-None-Match does not get 304', {
    ja: 'プロキシが If-None-Match をノードへ渡すようにしてください',
    en: 'let the proxy hand If-None-Match on to the node',
  }),
  push_taken: words('偽の失効リストを断りません', 'a forged status list is not refused', VERSION),
  message_taken: words('断るべき通信を断りません', 'a message that must be refused is not', VERSION),
  message_refused_otherwise: words(
    '通信を別の理由で断ります',
    'a message is refused for another reason',
    VERSION,
  ),
  receipt_missing: words('通信に受取りが返りません', 'a message gets no receipt', VERSION),
  receipt_refused: words('受取りの署名か内容が合いません', 'the receipt does not hold', KEY_FILE),
  replay_answered_otherwise: words(
    '同じ通信に別の答えを返します',
    'the same message gets another answer',
    VERSION,
  ),
  verdict_wrong: words('検証の答えが違います', 'the verdict is wrong', VERSION),
  rehearsal_impossible: words('写しが動きません', 'the copy does not run', OTHER_COPY),
  neighbour_unknown: words('隣の自治体を認めません', 'the neighbour is not recognised', OTHER_COPY),
  neighbour_believed: words(
    '認めてはならない隣を認めています',
    'a neighbour is believed that must not be',
    VERSION,
  ),
  redirect_followed: words('隣の転送に従いました', 'a neighbour’s redirect was followed', VERSION),
  log_tells: words('ログに書いてはならないものがあります', 'the log holds what it must not', {
    ja: 'LOG_LEVEL を info にし、今の版で動かしてください。書かれた行は消してください',
    en: 'set LOG_LEVEL to info and run the present version; remove the lines that were written',
  }),
  log_malformed: words('ログの行が読めません', 'a line of the log cannot be read', OTHER_COPY),
};

function words(ja: string, en: string, repair: Told): FaultWords {
  const withFact = (text: string, fact: string) => (fact === '' ? text : `${text}: ${fact}`);
  return { wrong: (fact) => ({ ja: withFact(ja, fact), en: withFact(en, fact) }), repair };
}
