import type { AnchorEvent, RegisterFaultCode } from './federation/anchor-event.ts';
import type { RegisterFileFault } from './federation/register-folder.ts';

/** One thing said twice: Japanese first, as the clerk of a prefecture reads it. */
export type Told = { readonly ja: string; readonly en: string };

/** Why a command is not carried out, and what to do. `fact` is what was typed, or what stands in the way. */
export const REGISTER_WORDS: { readonly [code in RegisterFaultCode]: (fact: string) => Told } = {
  not_begun: () => ({
    ja: '台帳がまだありません。先に npm run anchor -- init を実行してください',
    en: 'There is no register yet: run npm run anchor -- init first.',
  }),
  begun_otherwise: (fact) => ({
    ja: `この台帳は ${fact} のものです。別の --register を指定してください`,
    en: `This register is that of ${fact}: choose another --register.`,
  }),
  address_malformed: (fact) => ({
    ja: `アドレス「${fact}」は使えません。末尾の / のない https:// のアドレスを指定してください`,
    en: `"${fact}" is not an https address without a trailing slash.`,
  }),
  code_malformed: (fact) => ({
    ja: `「${fact}」は全国地方公共団体コードではありません。検査数字を含む6桁を確かめてください`,
    en: `"${fact}" is not a local-government code: check its six digits, the check digit included.`,
  }),
  day_malformed: (fact) => ({
    ja: `日付「${fact}」は暦にありません。2027-04-01 の形で指定してください`,
    en: `"${fact}" is not a day of the calendar: write it as 2027-04-01.`,
  }),
  name_malformed: () => ({
    ja: '名称は --name-ja と --name-en の両方を、改行なしで128字までで指定してください',
    en: 'A name needs both --name-ja and --name-en, on one line and of 128 characters at most.',
  }),
  keys_malformed: () => ({
    ja: '公開鍵の組を読めません。npm run keys が表示した JSON({"keys": […]})をそのままファイルにしてください',
    en: 'The public key set cannot be used: save the JSON ({"keys": […]}) that npm run keys printed, unchanged.',
  }),
  domains_malformed: (fact) => ({
    ja: `ドメイン「${fact}」を読めません。--domains .pref.example.jp のように、コンマで区切ってください`,
    en: `The domains "${fact}" cannot be used: write --domains .pref.example.jp, separated by commas.`,
  }),
  number_malformed: (fact) => ({
    ja: `「${fact}」は協定の番号ではありません。1 から 999 を指定してください`,
    en: `"${fact}" is not the number of an agreement: choose 1 to 999.`,
  }),
  reason_malformed: (fact) => ({
    ja: `理由「${fact}」はありません。superseded、compromised、unspecified から選んでください`,
    en: `"${fact}" is not a reason: choose superseded, compromised or unspecified.`,
  }),
  days_reversed: (fact) => ({
    ja: `日付の順序が逆です(${fact})。始まりと終わりを確かめてください`,
    en: `The days are in the wrong order (${fact}): check which comes first.`,
  }),
  member_unknown: (fact) => ({
    ja: `${fact} は加盟していません。npm run anchor -- show でアドレスを確かめてください`,
    en: `${fact} is not a member: look its address up with npm run anchor -- show.`,
  }),
  member_otherwise: (fact) => ({
    ja: `${fact} は別の内容で既に登録されています。変更には rename、rotate member、mark、move を使ってください`,
    en: `${fact} is in the register with other data: to change them use rename, rotate member, mark or move.`,
  }),
  code_taken: (fact) => ({
    ja: `団体コード ${fact} は別の加盟自治体のものです。アドレスの変更なら move、合併なら merge を使ってください`,
    en: `The code ${fact} is another member's: use move for a change of address, merge for a merger.`,
  }),
  address_taken: (fact) => ({
    ja: `アドレス ${fact} は既に使われています。別のアドレスを指定してください`,
    en: `The address ${fact} is in use: choose another.`,
  }),
  state_unfit: (fact) => ({
    ja: `この自治体は ${fact} に引き継がれています。引継ぎ先について実行してください`,
    en: `This member was succeeded by ${fact}: give the command for the successor.`,
  }),
  successor_missing: (fact) => ({
    ja: `引継ぎ先 ${fact} がまだありません。先に add で加えてください`,
    en: `The successor ${fact} is not there yet: add it first.`,
  }),
  merger_too_small: () => ({
    ja: '合併には、引継ぎ先とは別の自治体を --id で一つ以上指定してください',
    en: 'A merger needs at least one --id besides the successor.',
  }),
  agreement_unknown: (fact) => ({
    ja: `協定 ${fact} はありません。先に agreement で作ってください`,
    en: `There is no agreement ${fact}: make it with agreement first.`,
  }),
  agreement_otherwise: (fact) => ({
    ja: `協定 ${fact} は別の名称か日付で既にあります。新しい番号を使ってください`,
    en: `Agreement ${fact} is there with another name or other days: use a new number.`,
  }),
  mark_missing: (fact) => ({
    ja: `この自治体には協定 ${fact} のマークがありません。先に mark issue を実行してください`,
    en: `This member has no mark of agreement ${fact}: run mark issue first.`,
  }),
  mark_running: (fact) => ({
    ja: `前のマークがまだ続いています(${fact || '終わりなし'})。先に mark withdraw で終わりの日を決めるか、mark renew で延ばしてください`,
    en: `The mark before still runs (${fact || 'without end'}): end it with mark withdraw, or extend it with mark renew.`,
  }),
  key_unknown: (fact) => ({
    ja: `鍵 ${fact} はありません。npm run anchor -- show で鍵の番号(kid)を確かめてください`,
    en: `There is no key ${fact}: look its kid up with npm run anchor -- show.`,
  }),
  key_in_use: (fact) => ({
    ja: `鍵 ${fact} は既に使われたことがあります。新しい鍵を作ってもらってください`,
    en: `The key ${fact} is or was in use: ask for a new one.`,
  }),
  key_last: (fact) => ({
    ja: `鍵がなくなります(${fact})。先に新しい鍵を加えてください`,
    en: `No key would be left (${fact}): add the new one first.`,
  }),
  next_key_missing: () => ({
    ja: '次の鍵が予告されていません。先に rotate announce を実行し、全自治体が次の鍵を登録するまで待ってください',
    en: 'No next key was announced: run rotate announce first, and wait until every authority has pinned it.',
  }),
  next_key_otherwise: (fact) => ({
    ja: `次の鍵 ${fact} が既に予告されています。取り消すなら rotate retire --kid ${fact} --reason unspecified を実行してください`,
    en: `The next key ${fact} is announced already: to take it back run rotate retire --kid ${fact} --reason unspecified.`,
  }),
  host_outside: () => ({
    ja: '中間機関の下に中間機関は置けません。--domains と --codes を外してください',
    en: 'An intermediate cannot have intermediates below it: leave --domains and --codes out.',
  }),
};

export const FILE_WORDS: { readonly [code in RegisterFileFault['code']]: (path: string) => Told } = {
  damaged: (path) => ({
    ja: `${path} が書かれたときの内容と違います。バックアップから戻してください。何も変えていません`,
    en: `${path} is not as it was written: restore it from a backup. Nothing was changed.`,
  }),
  unreadable: (path) => ({
    ja: `${path} を読めません。アクセス権を確かめてください`,
    en: `${path} cannot be read: check who owns it.`,
  }),
  busy: (path) => ({
    ja: `別の操作が実行中です(${path})。終わってからもう一度実行してください。何も動いていなければ .lock を消してください`,
    en: `Another command is running (${path}): try again when it has ended. If none is, delete .lock.`,
  }),
  not_a_publication: (path) => ({
    ja: `${path} には公開物でないものがあります。別の --out を指定してください`,
    en: `Something that is no publication stands at ${path}: choose another --out.`,
  }),
};

/** What an event does, for the clerk who is about to write it down. */
export function eventWords(event: AnchorEvent): Told {
  switch (event.kind) {
    case 'init':
      return {
        ja: `台帳を始めます: ${event.name.ja} ${event.entityId}`,
        en: `Begins the register of ${event.entityId}.`,
      };
    case 'add':
      return {
        ja: `${event.name.ja}(${event.code})を ${event.from} から加えます: ${event.entityId}`,
        en: `Adds ${event.name.en} (${event.code}) from ${event.from} on: ${event.entityId}`,
      };
    case 'suspend':
      return {
        ja: `${event.entityId} を ${event.on} から停止します。以後、何も証明しません`,
        en: `Suspends ${event.entityId} from ${event.on} on: nothing is said about it.`,
      };
    case 'resume':
      return {
        ja: `${event.entityId} の停止を ${event.on} に解きます`,
        en: `Lifts the suspension of ${event.entityId} on ${event.on}.`,
      };
    case 'remove':
      return {
        ja: `${event.entityId} の協定を ${event.on} で終えます。それまでの受領証は検証できます`,
        en: `Ends the agreements of ${event.entityId} with ${event.on}; what it issued until then stays verifiable.`,
      };
    case 'rename':
      return {
        ja: `${event.entityId} の名称を ${event.on} から「${event.name.ja}」とします`,
        en: `${event.entityId} is called "${event.name.en}" from ${event.on} on.`,
      };
    case 'merge':
      return {
        ja: `${event.entityIds.join('、')} を ${event.on} に ${event.into} へ合併します`,
        en: `Merges ${event.entityIds.join(', ')} into ${event.into} on ${event.on}.`,
      };
    case 'move':
      return {
        ja: `${event.entityId} のアドレスを ${event.on} から ${event.to} とします`,
        en: `${event.entityId} has the address ${event.to} from ${event.on} on.`,
      };
    case 'agreement':
      return {
        ja: `協定 ${event.number}「${event.name.ja}」を ${event.from} から結びます`,
        en: `Agreement ${event.number}, "${event.name.en}", from ${event.from} on.`,
      };
    case 'mark':
      return {
        ja: `${event.entityId} の協定 ${event.agreement} のマーク: ${{ issue: '交付', renew: '更新', withdraw: '終了' }[event.action]} ${period(event)}`,
        en: `Mark of agreement ${event.agreement} for ${event.entityId}: ${event.action} ${period(event)}`,
      };
    case 'member-key':
      return {
        ja: `${event.entityId} の鍵を変えます${event.added ? `。加える鍵: ${event.added.kid}` : ''}${event.ended ? `。終える鍵: ${event.ended.kid}(${event.ended.reason})` : ''}`,
        en: `Changes the keys of ${event.entityId}${event.added ? `; new: ${event.added.kid}` : ''}${event.ended ? `; ended: ${event.ended.kid} (${event.ended.reason})` : ''}.`,
      };
    case 'announce-key':
      return {
        ja: `次の鍵 ${event.key.kid} を予告します。全自治体に渡して登録してもらってください`,
        en: `Announces the next key ${event.key.kid}: hand it to every authority to be pinned.`,
      };
    case 'switch-key':
      return {
        ja: '次の鍵に切り替えます。前の鍵も retire まで公開します',
        en: 'Switches to the next key; the former stays published until it is retired.',
      };
    case 'retire-key':
      return {
        ja: `鍵 ${event.kid} を終えます(${event.reason})`,
        en: `Retires the key ${event.kid} (${event.reason}).`,
      };
  }
}

function period({ from, to }: { readonly from?: string; readonly to?: string | null }): string {
  return `${from ?? ''}〜${to ?? ''}`;
}
