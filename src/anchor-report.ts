import type { Told } from './anchor-words.ts';
import type { Register } from './federation/anchor-register.ts';
import type { PublicationIndex } from './federation/make-publication.ts';
import type { MemberState } from './federation/member-history.ts';
import { viewRegister } from './federation/register-view.ts';
import { dayInJapan } from './kernel/clock.ts';

const DAY = 86_400;
const SOON_DAYS = 30;
const STATES: { readonly [state in MemberState]: string } = {
  active: '加盟 active',
  suspended: '停止 suspended',
  left: '脱退 left',
  merged: '合併 merged',
};

/** What stands in the register, for reading. @param now seconds since the epoch */
export function showRegister(
  register: Register,
  published: PublicationIndex | undefined,
  now: number,
): readonly string[] {
  const { profile, members } = viewRegister(register, now);
  const keyLines = [
    `鍵 key: ${register.key.jwk.kid}`,
    ...(register.next ? [`次の鍵 next key: ${register.next.kid}`] : []),
    ...register.past.map(({ jwk, until, reason }) =>
      until === null
        ? `前の鍵(公開中) former key, still published: ${jwk.kid}`
        : `終えた鍵 retired key: ${jwk.kid} ${dayOf(until)} ${reason}`,
    ),
  ];
  return [
    `${register.name.ja} ${profile.entityId}${profile.parent ? ` → ${profile.parent}` : ''}`,
    ...keyLines,
    ...(profile.agreements ?? []).map(
      ({ id, ja, from, to }) => `協定 agreement: ${id} ${ja} ${from}〜${to ?? ''}`,
    ),
    ...members.flatMap(({ entityId, code, state, membership, further = [], intermediate, keys, record }) => [
      `${code} ${record?.names.at(-1)?.ja ?? ''} ${STATES[state]} ${record?.since ?? ''} ${entityId}`,
      `    ${membership.from}〜${membership.to ?? ''}${further.map((one) => ` ${one.agreement}: ${one.from}〜${one.to ?? ''}`).join('')}` +
        `${intermediate ? ` 中間機関 intermediate: ${intermediate.domains.join(',')}` : ''}${record?.successor ? ` → ${record.successor}` : ''}`,
      ...keys.map(({ kid }) => `    鍵 key: ${kid}`),
    ]),
    published
      ? `公開 published: ${timeOf(published.publishedAt)}、期限 until ${timeOf(published.expiresAt)}`
      : '公開 published: まだありません not yet',
  ];
}

/** What somebody should do something about; nothing where all is well. @param now seconds since the epoch */
export function checkRegister(
  register: Register,
  published: PublicationIndex | undefined,
  { now, lastEventAt }: { readonly now: number; readonly lastEventAt: number },
): readonly Told[] {
  const findings: Told[] = [];
  const { members } = viewRegister(register, now);
  if (!published)
    findings.push({
      ja: 'まだ何も公開していません。npm run anchor -- publish を実行してください',
      en: 'Nothing is published yet: run npm run anchor -- publish.',
    });
  else findings.push(...publicationFindings(published, { now, lastEventAt, entityId: register.entityId }));
  for (const { entityId, state, membership } of members) {
    const { to } = membership;
    if (state !== 'active' || to === undefined) continue;
    if (Date.parse(`${to}T00:00:00+09:00`) / 1000 - now < SOON_DAYS * DAY)
      findings.push({
        ja: `${entityId} の協定は ${to} で終わります。続けるなら mark renew を実行してください`,
        en: `The agreement of ${entityId} ends with ${to}: to go on, run mark renew.`,
      });
  }
  if (register.next)
    findings.push({
      ja: `次の鍵 ${register.next.kid} を予告中です。全自治体が登録したら rotate switch を実行してください`,
      en: `The next key ${register.next.kid} is announced: run rotate switch once every authority has pinned it.`,
    });
  for (const { jwk, until } of register.past)
    if (until === null)
      findings.push({
        ja: `前の鍵 ${jwk.kid} をまだ公開しています。不要になったら rotate retire --kid ${jwk.kid} --reason superseded を実行してください`,
        en: `The former key ${jwk.kid} is still published: when it is no longer needed, run rotate retire --kid ${jwk.kid} --reason superseded.`,
      });
  return findings;
}

function publicationFindings(
  { entityId: of, publishedAt, expiresAt }: PublicationIndex,
  {
    now,
    lastEventAt,
    entityId,
  }: { readonly now: number; readonly lastEventAt: number; readonly entityId: string },
): readonly Told[] {
  if (of !== entityId)
    return [
      {
        ja: `公開物は ${of} のものです。--out を確かめてください`,
        en: `The publication is that of ${of}: check --out.`,
      },
    ];
  if (expiresAt <= now)
    return [
      {
        ja: `公開物は ${timeOf(expiresAt)} に期限が切れました。すぐに publish を実行してください`,
        en: `What is published ran out at ${timeOf(expiresAt)}: run publish at once.`,
      },
    ];
  if (publishedAt < lastEventAt)
    return [
      {
        ja: '台帳の変更がまだ公開されていません。publish を実行してください',
        en: 'Changes are not published yet: run publish.',
      },
    ];
  // a node looks for a fresh chain from half its life on, and a third leaves time for a holiday
  if (expiresAt - now < (expiresAt - publishedAt) / 3)
    return [
      {
        ja: `公開物は ${timeOf(expiresAt)} に期限が切れます。publish を実行してください`,
        en: `What is published runs out at ${timeOf(expiresAt)}: run publish.`,
      },
    ];
  return [];
}

/** In Japan, to the minute. */
export function timeOf(seconds: number): string {
  return `${new Date((seconds + 9 * 3600) * 1000).toISOString().slice(0, 16).replace('T', ' ')} JST`;
}

function dayOf(seconds: number): string {
  return dayInJapan(new Date(seconds * 1000));
}
