import { membersJson, parseAnchorMembers, publicKeysOf } from '../federation/anchor-members.ts';
import type { AnchorMember } from '../federation/trust-anchor.ts';
import { isAuthorityCode, isEntityId } from '../kernel/authority.ts';
import { readJson, writeJson } from '../network/private-file.ts';
import { publishedRuleBook } from '../registry/authorities.ts';
import { JoinFault } from './join-fault.ts';
import { type HandOver, readHandOver } from './node-folder.ts';

/**
 * Adds a node to the members' file of an anchor that has its key at hand, as the demonstration's has; the anchor reads the
 * file again by itself. An anchor with a register takes the same hand-over by `npm run anchor -- add`.
 *
 * @param from first day of the agreement; where it is left out, as the published rules have it for this authority
 * @returns whether anything was changed
 * @throws JoinFault
 */
export async function admitMember(
  handOverPath: string,
  membersPath: string,
  from: string | undefined,
): Promise<boolean> {
  const member = memberOf(await readHandOver(handOverPath), from);
  const found = await readJson(membersPath).catch(() => undefined);
  if (found === undefined)
    throw new JoinFault({
      ja: `${membersPath} がありません。npm start のデータフォルダーの anchor/members.json を --members に指定してください`,
      en: `${membersPath} is not there: give --members the anchor/members.json in the data folder of npm start.`,
    });
  const outcome = parseAnchorMembers(found);
  if ('faults' in outcome) throw unfit(membersPath, outcome.faults);
  const { members } = outcome;
  const same = members.find(({ entityId }) => entityId === member.entityId);
  if (same && same.keys[0]?.kid === member.keys[0]?.kid && same.code === member.code) return false;
  if (same)
    throw new JoinFault({
      ja: `${member.entityId} は別の鍵で既に加わっています。鍵を替えるなら、${membersPath} のその項目を直してください`,
      en: `${member.entityId} is a member with another key: to change it, correct its entry in ${membersPath}.`,
    });
  const next = parseAnchorMembers(JSON.parse(JSON.stringify(membersJson([...members, member]))));
  if ('faults' in next) throw unfit(membersPath, next.faults);
  await writeJson(membersPath, membersJson(next.members));
  return true;
}

function memberOf({ code, entityId, keys }: HandOver, from: string | undefined): AnchorMember {
  const published = publishedRuleBook.authorities.find((authority) => authority.code === code);
  const day = from ?? published?.memberships.at(-1)?.validFrom;
  if (day === undefined)
    throw new JoinFault({
      ja: '協定の始まる日を --from 2027-04-01 の形で指定してください',
      en: 'Give the first day of the agreement, as --from 2027-04-01.',
    });
  const own = publicKeysOf({ keys });
  if (!isAuthorityCode(code) || !isEntityId(entityId) || own.length === 0)
    throw new JoinFault({
      ja: '引渡しファイルの団体コード・アドレス・鍵のどれかが使えません。npm run join -- prepare をもう一度実行してください',
      en: 'Code, address or keys of the hand-over cannot be used: run npm run join -- prepare again.',
    });
  return { entityId, code, keys: own, membership: { from: day }, state: 'active' };
}

function unfit(path: string, faults: readonly string[]): JoinFault {
  return new JoinFault({
    ja: `${path} に加えられません（${faults.join('; ')}）。名指された項目を直してください`,
    en: `${path} does not take it (${faults.join('; ')}): correct what is named.`,
  });
}
