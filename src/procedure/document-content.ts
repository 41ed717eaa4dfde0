import type { PartnerPosition } from '../kernel/role.ts';
import type { CoupleFacts, PartnerFacts } from '../registry/couple-facts.ts';
import { isJapanDay } from '../registry/japan-day.ts';
import { KINSHIP_DEGREES, type Kinship } from '../registry/kinship.ts';
import { DOCUMENTS, FAMILY_RELATIONS } from '../registry/rule-set.ts';

/**
 * A reading of what was filled in that takes nothing for granted: a draft may be anything, and what it lacks is left out
 * of a document.
 */
export function at(content: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) =>
      typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
        ? (value as Readonly<Record<string, unknown>>)[name]
        : undefined,
    content,
  );
}

export function textAt(content: unknown, ...path: readonly string[]): string | undefined {
  const value = at(content, ...path);
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

export function listAt(content: unknown, ...path: readonly string[]): readonly unknown[] | undefined {
  const value = at(content, ...path);
  return Array.isArray(value) ? value : undefined;
}

/** The word of a closed list that stands there, if any does. */
export function oneAt<Word extends string>(
  words: readonly Word[],
  content: unknown,
  ...path: readonly string[]
): Word | undefined {
  const value = at(content, ...path);
  return words.find((word) => word === value);
}

/**
 * What a form states about a couple, in the form in which the rules ask for it. What is not stated is not known.
 *
 * @param birthDates where the form does not hold them: as the certificates disclosed them
 */
export function statedFacts(
  content: unknown,
  birthDates: Partial<Record<PartnerPosition, string>> = {},
): CoupleFacts {
  const members = listAt(content, 'familyMembers') ?? [];
  const declared = at(content, 'couple', 'sexualMinorityDeclared');
  return {
    first: partnerFacts(at(content, 'partners', 'first'), birthDates.first),
    second: partnerFacts(at(content, 'partners', 'second'), birthDates.second),
    atLeastOneSexualMinorityDeclared: typeof declared === 'boolean' ? declared : 'not_asked',
    kinship: kinshipAt(at(content, 'couple', 'kinship')),
    cohabiting: answerAt(content, 'couple', 'cohabiting'),
    familyMembers: members.flatMap((member) => {
      const relation = oneAt(FAMILY_RELATIONS, member, 'relation');
      return relation ? [{ relation }] : [];
    }),
  };
}

function partnerFacts(partner: unknown, birthDate: string | undefined): PartnerFacts {
  const stated = textAt(partner, 'birthDate') ?? birthDate;
  return {
    birthDate: isJapanDay(stated) ? stated : null,
    residence: residenceFacts(at(partner, 'residence')),
    spouse: answerAt(partner, 'hasSpouse'),
    otherPartnership: answerAt(partner, 'hasOtherPartnership'),
    deFactoSpouse: answerAt(partner, 'hasDeFactoSpouse'),
    documentsSeen: documentsSeen(partner),
  };
}

/** The documents that the counter noted for one partner; null where none were noted at all. */
export function documentsSeen(partner: unknown): PartnerFacts['documentsSeen'] {
  const seen = listAt(partner, 'documentsSeen');
  if (!seen) return null;
  return seen.flatMap((one) => {
    const document = oneAt(DOCUMENTS, one, 'document');
    const issuedOn = at(one, 'issuedOn');
    return document ? [{ document, issuedOn: isJapanDay(issuedOn) ? issuedOn : null }] : [];
  });
}

function residenceFacts(residence: unknown): PartnerFacts['residence'] {
  const kind = oneAt(['resident', 'moving_in', 'elsewhere'] as const, residence, 'kind');
  const municipality = textAt(residence, 'municipality');
  if (kind === 'elsewhere') return { status: kind };
  if (kind === undefined || municipality === undefined) return null;
  if (kind === 'resident') return { status: kind, municipality };
  const plannedOn = at(residence, 'moveInOn');
  return {
    status: kind,
    municipality,
    plannedOn: isJapanDay(plannedOn) ? plannedOn : null,
    proofSeen: answerAt(residence, 'proofSeen'),
  };
}

function kinshipAt(kinship: unknown): Kinship | null {
  const degree = oneAt(KINSHIP_DEGREES, kinship, 'degree');
  const through = answerAt(kinship, 'throughAdoptionBetweenPartners');
  return degree === undefined ? null : { degree, throughAdoptionBetweenPartners: through ?? false };
}

function answerAt(content: unknown, ...path: readonly string[]): boolean | null {
  const value = at(content, ...path);
  return typeof value === 'boolean' ? value : null;
}
