import { canonicalJson } from '../kernel/canonical-json.ts';
import { sha256 } from '../kernel/digest.ts';
import { holdsMyNumber } from '../kernel/my-number.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import type { Couple, FamilyMemberRecord, PartnerRecord, Residence } from '../registry/registration-store.ts';
import type { DocumentKind } from '../registry/rule-set.ts';
import type { CoupleStatement, PartnerStatement } from '../registry/stated-facts.ts';
import type { Filer, ProcedureKind } from './procedure.ts';

/** What was filled in, complete or not: a draft may be anything. */
export type Draft = Readonly<Record<string, unknown>>;

type Form = { readonly formVersion?: string };
type Names = Pick<PartnerRecord, 'registeredName' | 'kana' | 'birthDate' | 'residence'>;
type Alias = NonNullable<PartnerRecord['alias']>;
type SeenDocument = { readonly document: DocumentKind; readonly issuedOn?: string };

/** A family member as the form writes it; what is left out is not known. */
export type FamilyEntry = Pick<
  FamilyMemberRecord,
  'name' | 'kana' | 'relation' | 'birthDate' | 'livesWithCouple'
> &
  Partial<Pick<FamilyMemberRecord, 'consent' | 'proofSeen'>> & { readonly relationTo?: PartnerPosition };

export type PartnerChangeEntry = Partial<Pick<Names, 'registeredName' | 'kana' | 'residence'>> & {
  readonly alias?: Alias | null;
  readonly correctedBirthDate?: string;
  readonly documentsSeen?: readonly SeenDocument[];
};

/** The forms of the contract, once a content has passed the check of its kind. */
export type Contents = {
  readonly oath: Form & {
    readonly partners: Couple<Names & PartnerStatement & { readonly alias?: Alias }>;
    readonly couple: CoupleStatement;
    readonly familyMembers?: readonly FamilyEntry[];
    readonly homonymConfirmed?: boolean;
  };
  readonly residence_proof: Form & {
    readonly partners: Partial<Couple<{ readonly residence: Residence; readonly documentIssuedOn: string }>>;
  };
  readonly change: Form & {
    readonly partners?: Partial<Couple<PartnerChangeEntry>>;
    readonly familyMembers?: readonly FamilyEntry[];
  };
  readonly reissue: Form & {
    readonly reason: 'lost' | 'damaged';
    readonly positions: readonly PartnerPosition[];
  };
  readonly return: Form & { readonly returnedOn: string; readonly positions: readonly PartnerPosition[] };
  readonly dissolution: EndContent;
  readonly death: EndContent;
  readonly moved_out: EndContent;
  readonly requirement_lost: EndContent;
  readonly revocation: Form & {
    readonly ground: 'false_statement' | 'misuse';
    readonly hearing?: 'held' | 'statement_received' | 'no_answer' | 'waived';
    readonly hearingOn?: string;
  };
  readonly erroneous_entry: Form & { readonly what: string };
  readonly certificate_of_fact: Form & {
    readonly forPosition: PartnerPosition;
    readonly identityCheckedBy: string;
    readonly showPartner?: boolean;
  };
};

export type EndContent = Form & {
  readonly endedOn: string;
  readonly deceased?: PartnerPosition;
  readonly destination?: string;
  readonly requirement?: string;
};

/** What only the counter writes down: what it has seen, checked or confirmed. Nobody signs it, and no partner says it. */
const BY_THE_COUNTER = new Set(['documentsSeen', 'proofSeen', 'homonymConfirmed', 'identityCheckedBy']);

/** Members of a form that may stand in a pointer; any other name was chosen by the caller and may say anything. */
const MEMBERS = new Set(
  `partners first second registeredName kana alias name display birthDate correctedBirthDate residence kind
  municipality address moveInOn proofSeen hasSpouse hasOtherPartnership hasDeFactoSpouse documentsSeen document
  issuedOn couple sexualMinorityDeclared kinship degree throughAdoptionBetweenPartners cohabiting familyMembers
  relation relationTo livesWithCouple consent homonymConfirmed formVersion documentIssuedOn reason positions
  returnedOn endedOn deceased destination requirement ground hearing hearingOn what forPosition identityCheckedBy
  showPartner`.split(/\s+/),
);

/**
 * Refuses a draft that holds what may be an Individual Number anywhere, in a name of a member or as a number too: a
 * draft has no schema that would.
 *
 * @throws Refusal `my_number_suspected`
 */
export function refuseMyNumber(value: unknown, pointer: string): void {
  if (typeof value === 'string' || typeof value === 'number') {
    if (holdsMyNumber(String(value))) throw new Refusal('my_number_suspected', { pointer });
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    const step = `${pointer}/${Array.isArray(value) || MEMBERS.has(name) ? name : '*'}`;
    if (!Array.isArray(value) && holdsMyNumber(name))
      throw new Refusal('my_number_suspected', { pointer: step });
    refuseMyNumber(member, step);
  }
}

/**
 * Digest of what the partners sign: everything but the form's version and what the counter adds, so that a document
 * that is seen on the day of the oath costs nobody a second signature.
 */
export function signedHash(content: Draft): Buffer {
  const { formVersion: _, ...signed } = content;
  return sha256(canonicalJson(without(signed, BY_THE_COUNTER)));
}

function without(value: unknown, names: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((each) => without(each, names));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !names.has(name))
      .map(([name, member]) => [name, without(member, names)]),
  );
}

/**
 * What one partner sees of a content: their own part and what concerns both. Never the other's part; nor the family
 * members, who may be the other's children.
 */
export function partOf(kind: ProcedureKind, content: Draft, position: PartnerPosition): Draft {
  const { partners, familyMembers: _, ...shared } = content;
  const own = isObject(partners) ? partners[position] : undefined;
  return {
    ...(own === undefined ? {} : { partners: { [position]: own } }),
    ...(kind === 'oath' ? picked(shared, ['couple', 'formVersion']) : shared),
  };
}

/**
 * A content in which one partner has replaced their own part. What the counter wrote down stays as it was, whatever was
 * sent.
 *
 * @throws Refusal `request_malformed` (`own_position`) where the other's part or the family was sent along
 */
export function withPart(
  kind: ProcedureKind,
  stored: Draft,
  sent: Draft,
  position: PartnerPosition,
  pointer: string,
): Draft {
  const foreign = (place: string) =>
    new Refusal('request_malformed', { pointer: `${pointer}${place}`, rule: 'own_position' });
  const sentPartners = isObject(sent.partners) ? sent.partners : {};
  for (const other of POSITIONS)
    if (other !== position && other in sentPartners) throw foreign(`/partners/${other}`);
  if ('familyMembers' in sent) throw foreign('/familyMembers');
  const storedPartners = isObject(stored.partners) ? stored.partners : {};
  // What concerns both stays until one of them says it anew.
  const hidden = kind === 'oath' ? ['familyMembers', 'homonymConfirmed', 'couple'] : ['familyMembers'];
  const own = sentPartners[position];
  const { partners: _, ...shared } = partOf(kind, sent, position);
  const others = Object.fromEntries(Object.entries(storedPartners).filter(([each]) => each !== position));
  const partners =
    own === undefined ? others : { ...others, [position]: asTheCounterLeftIt(own, storedPartners[position]) };
  return {
    ...picked(stored, hidden),
    ...(Object.keys(partners).length > 0 ? { partners } : {}),
    ...(asTheCounterLeftIt(shared, stored) as Draft),
  };
}

/** The sent value with the counter's own members as they are stored, or without them where they are not. */
function asTheCounterLeftIt(sent: unknown, stored: unknown): unknown {
  if (!isObject(sent)) return without(sent, BY_THE_COUNTER);
  const before = isObject(stored) ? stored : {};
  const members = Object.entries(sent)
    .filter(([name]) => !BY_THE_COUNTER.has(name))
    .map(([name, member]) => [name, asTheCounterLeftIt(member, before[name])]);
  return { ...Object.fromEntries(members), ...picked(before, [...BY_THE_COUNTER]) };
}

/** Whether a partner may read and fill in this procedure at all: who does not file it, does not. */
export function mayFillIn(filedBy: Filer, position: PartnerPosition): boolean {
  return filedBy === 'both' || filedBy === position;
}

export function isObject(value: unknown): value is Draft {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function picked(value: Draft, names: readonly string[]): Draft {
  return Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)));
}
