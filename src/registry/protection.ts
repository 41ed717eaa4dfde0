import { isDeepStrictEqual } from 'node:util';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type { PastRecord } from './partner-history.ts';
import type { Couple, FamilyMemberRecord, PartnerRecord } from './registration-store.ts';

/**
 * A partner may be in danger from the other one (支援措置, 住民基本台帳事務処理要領 第5-10). From the day of the protection
 * nothing of what this partner does reaches the other, and nothing tells the other that there is a protection: what
 * vanished would say so as surely as what is new. So the other keeps seeing what was there on that day.
 */
export type Shown = {
  readonly holder: PartnerRecord;
  /** The other partner, as they chose to be named. */
  readonly partnerName: string;
  readonly familyMembers: readonly FamilyMemberRecord[];
};

export type RecordToShow = {
  readonly partners: Couple<PartnerRecord>;
  readonly familyMembers: readonly FamilyMemberRecord[];
  /** Of each partner who is protected, what the record said when that began. */
  readonly protectedSince: Partial<Couple<PastRecord>>;
};

export function otherOf(position: PartnerPosition): PartnerPosition {
  return position === 'first' ? 'second' : 'first';
}

/** What one partner's page and certificates say. */
export function shownTo(position: PartnerPosition, record: RecordToShow): Shown {
  const other = otherOf(position);
  const past = record.protectedSince[other];
  const { alias, registeredName } = past?.partner ?? record.partners[other];
  return {
    holder: record.partners[position],
    partnerName: alias?.name ?? registeredName,
    familyMembers: past
      ? familyBeside(position, past.familyMembers ?? [], record.familyMembers)
      : record.familyMembers,
  };
}

/** The family as it was, except for one's own: a child that came or left since may be the protected partner's. */
function familyBeside(
  position: PartnerPosition,
  then: readonly FamilyMemberRecord[],
  now: readonly FamilyMemberRecord[],
): FamilyMemberRecord[] {
  const mine = now.filter(({ relationTo }) => relationTo === position);
  const isIn = (list: readonly FamilyMemberRecord[], member: FamilyMemberRecord) =>
    list.some((one) => isDeepStrictEqual(one, member));
  return [
    ...then.filter((member) => member.relationTo !== position || isIn(mine, member)),
    ...mine.filter((member) => !isIn(then, member)),
  ];
}

/** Whose certificates are renewed when what is printed of one partner changes: the other's too, unless that would tell. */
export function certificatesToRenew(
  protectedPartners: Couple<boolean>,
  changed: PartnerPosition,
): readonly PartnerPosition[] {
  return protectedPartners[changed] ? [changed] : POSITIONS;
}

/** An entry of the log, as far as it matters here. */
type Entry = {
  readonly sequence: number;
  readonly type: string;
  readonly position: PartnerPosition | null;
  readonly purpose?: string | null;
  readonly facts: Record<string, unknown>;
};

/** Steps of both together, which both learn of anyhow. */
const OF_BOTH: readonly string[] = [
  'oath_registered',
  'registration_imported',
  'registration_ended',
  'transfer_opened',
  'transfer_submitted',
  'transfer_decided',
  'transfer_moved_on',
  'personal_data_provided',
  'personal_data_received',
  'continuity_checked',
  'origin_letter_sent',
  'origin_letter_answered',
  'oath_continued_on_paper',
  'message_sent',
  'message_received',
  'message_unconfirmed',
];

/**
 * The entries one partner is shown. While the other one was protected these are one's own and the steps of both: that the
 * office looked at the record, or changed something in it, may be because the protected partner was there. What was
 * logged in such a time stays hidden when the protection is over, and what was visible before it stays visible.
 *
 * @param settings every `protection_changed` entry of the record, in the order of the log
 */
export function entriesShownTo<Each extends Entry>(
  position: PartnerPosition,
  entries: readonly Each[],
  settings: readonly Entry[],
): Each[] {
  const ofOther = settings.filter((one) => one.position === otherOf(position));
  return entries.filter((entry) => {
    if (entry.position === position) return true;
    const last = ofOther.findLast(({ sequence }) => sequence <= entry.sequence);
    return last?.facts.protected !== true || (entry.position === null && isOfBoth(entry));
  });
}

/** New certificates after a move both receive; any others may be one partner's own affair. */
function isOfBoth({ type, purpose }: Entry): boolean {
  return OF_BOTH.includes(type) || (type === 'certificates_issued' && purpose === 'continuation');
}
