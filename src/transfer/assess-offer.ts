import type { Trx } from '../db/transaction.ts';
import { type Clock, dayInJapan } from '../kernel/clock.ts';
import type { UnmetRequirement } from '../kernel/refusal.ts';
import { type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import { findLivingPartner } from '../registry/duplicate-check.ts';
import { familyThatStays } from '../registry/family-member.ts';
import { otherOf } from '../registry/protection.ts';
import type {
  Couple,
  FamilyMemberRecord,
  NewRegistration,
  PartnerRecord,
} from '../registry/registration-store.ts';
import { residenceDueOn } from '../registry/residence-proof.ts';
import { authorityOf, requireRuleSet } from '../registry/rule-book.ts';
import { factsOf } from '../registry/stated-facts.ts';
import { openSealer, type Vault } from '../registry/vault.ts';
import { type Application, assessApplication, type ContinuationRules } from './application.ts';
import { type ArrivedProtection, arrivedProtection } from './carry-protection.ts';
import type { MessageOf } from './protocol-message.ts';
import { type OfferedPartner, type OfferPayload, readOfferPayload } from './transfer-payload.ts';
import { type ConsentRow, findConsents, findTransfer } from './transfer-store.ts';

export type OfferDeps = ContinuationRules & { readonly clock: Clock; readonly vault: Vault };

export type OfferAssessment =
  | {
      readonly kind: 'acceptable';
      readonly staged: Omit<NewRegistration, 'state' | 'registeredAt' | 'transferId'>;
      readonly protection: ArrivedProtection;
    }
  | { readonly kind: 'unacceptable'; readonly unmet: readonly UnmetRequirement[] };

const UNREADABLE: OfferAssessment = { kind: 'unacceptable', unmet: [] };

/**
 * Whether the record an origin offers is the one the couple asked for and may continue here: it belongs to the very
 * certificates that were presented, says what they disclosed, meets the rules now that the birth dates are known, and
 * neither partner is registered here already.
 */
export async function assessOffer(
  trx: Trx,
  deps: OfferDeps,
  message: MessageOf<'OFFER'>,
  text: string,
): Promise<OfferAssessment> {
  const row = await findTransfer(trx, message.tid);
  const offer = readOfferPayload(text);
  const sealer = await openSealer(trx, deps.vault, { kind: 'transfer', id: message.tid, epoch: 0 });
  if (!row?.application || !sealer || !offer || offer.rid !== message.rid || offer.epoch !== message.epoch)
    return UNREADABLE;
  const application = JSON.parse(sealer.open('application', row.application)) as Application;
  const consents = await findConsents(trx, message.tid);
  const partners = matchPartners(offer, consents, (consent) => {
    const disclosed = consent.disclosed && sealer.open(`disclosed.${consent.position}`, consent.disclosed);
    return disclosed ? (JSON.parse(disclosed) as Disclosed) : {};
  });
  if (!partners) return unacceptable('certificate_of_member', ['keep:origin_certificate', 'ask:origin']);
  const on = dayInJapan(deps.clock());
  const unmet = assessApplication(
    deps,
    { application, origin: row.peerCode, on },
    {
      first: partners.first.birthDate,
      second: partners.second.birthDate,
    },
  );
  if (unmet.length > 0) return { kind: 'unacceptable', unmet };
  const records = recordsOf(partners, application);
  if (await findLivingPartner(trx, deps.vault, records))
    return unacceptable('no_other_partnership', ['ask:this_authority']);
  const protection = await arrivedProtection(trx, deps, row.id, offer.protection ?? []);
  if (!protection) return UNREADABLE;
  const staged = stagedFrom(offer, records, application, on);
  return {
    kind: 'acceptable',
    staged: { ...staged, ...carriedOver(deps, offer, partners, application, on) },
    protection,
  };
}

/** What follows from this authority's own rules: which family members stay, and until when a planned move is shown. */
function carriedOver(
  { rules, authority: code }: OfferDeps,
  { partners: offered, familyMembers = [] }: OfferPayload,
  partners: Couple<OfferedPartner>,
  application: Application,
  on: string,
): Pick<NewRegistration, 'familyMembers' | 'residenceDueOn'> {
  const ruleSet = requireRuleSet(rules, code, on);
  const authority = authorityOf(rules, code);
  const turned = partners.first.statusIndex !== offered.first.statusIndex;
  const here = (member: FamilyMemberRecord): FamilyMemberRecord =>
    turned && member.relationTo ? { ...member, relationTo: otherOf(member.relationTo) } : member;
  const facts = factsOf(application.partners, application.couple, { first: null, second: null });
  return {
    familyMembers: familyThatStays(ruleSet, familyMembers, on).map(here),
    residenceDueOn: authority ? residenceDueOn(ruleSet, authority, facts, on) : null,
  };
}

export type Disclosed = { readonly registered_name?: string; readonly birth_date?: string };

/** Puts the offered partners in the order of this case: the couple may stand the other way round here. */
function matchPartners(
  { partners }: OfferPayload,
  consents: readonly ConsentRow[],
  disclosedBy: (consent: ConsentRow) => Disclosed,
): Couple<OfferedPartner> | undefined {
  const found = (position: PartnerPosition): OfferedPartner | undefined => {
    const consent = consents.find((candidate) => candidate.position === position);
    const partner = POSITIONS.map((each) => partners[each]).find(
      (each) => each.statusIndex === consent?.certificate?.statusIndex,
    );
    if (!consent || !partner) return undefined;
    const { registered_name: name, birth_date: birthDate } = disclosedBy(consent);
    if (name !== undefined && name !== partner.registeredName) return undefined;
    if (birthDate !== undefined && birthDate !== partner.birthDate) return undefined;
    return partner;
  };
  const [first, second] = POSITIONS.map(found);
  return first && second && first !== second ? { first, second } : undefined;
}

function recordsOf(partners: Couple<OfferedPartner>, application: Application): Couple<PartnerRecord> {
  const record = (position: PartnerPosition): PartnerRecord => {
    const { statusIndex: _, ...partner } = partners[position];
    return { ...partner, residence: application.partners[position].residence };
  };
  return { first: record('first'), second: record('second') };
}

function stagedFrom(
  offer: OfferPayload,
  partners: Couple<PartnerRecord>,
  { couple }: Application,
  on: string,
): Omit<NewRegistration, 'state' | 'registeredAt' | 'transferId'> {
  return {
    id: offer.rid as NewRegistration['id'],
    epoch: offer.epoch,
    oathDate: on,
    firstOathDate: offer.firstOathDate,
    firstAuthority: offer.firstAuthority,
    continuity: offer.continuity ?? [],
    partners,
    declarations: {
      sexualMinorityDeclared: couple.sexualMinorityDeclared ?? null,
      kinship: couple.kinship,
      cohabiting: couple.cohabiting,
    },
  };
}

function unacceptable(requirement: string, remedies: readonly string[]): OfferAssessment {
  return {
    kind: 'unacceptable',
    unmet: [{ requirement, concerns: 'both', finding: 'unmet', sources: [], remedies }],
  };
}
