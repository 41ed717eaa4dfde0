import type { CoupleFacts } from '../registry/couple-facts.ts';
import type { Assessment, Finding, Requirement } from '../registry/requirement.ts';
import { FINDING_WORDS, REQUIREMENT_WORDS } from '../registry/requirement-words.ts';
import { isUnconfirmed, type RuleField, type RuleSet, sourcesOf } from '../registry/rule-set.ts';
import type { Line } from './document.ts';
import { POSITION_WORDS } from './document-words.ts';

/** Where each requirement's rule stands, and whether the authority asks for it at all; null: not known. */
type Asked = {
  readonly field: RuleField;
  readonly asked: (ruleSet: RuleSet, facts: CoupleFacts) => boolean | null;
};

const known = (value: unknown) => (value === null ? null : true);

const RULES = {
  minimum_age: { field: 'minAge', asked: ({ minAge }) => known(minAge) },
  residence: { field: 'residence', asked: ({ residence }) => known(residence) },
  cohabitation: { field: 'cohabitation', asked: ({ cohabitation }) => cohabitation },
  sexual_minority: {
    field: 'sexualMinority',
    asked: ({ sexualMinority }) => (sexualMinority === null ? null : sexualMinority === 'at_least_one'),
  },
  no_spouse: { field: 'single.spouse', asked: ({ single }) => single.spouse },
  no_other_partnership: {
    field: 'single.otherPartnership',
    asked: ({ single }) => single.otherPartnership,
  },
  no_de_facto_spouse: { field: 'single.deFactoSpouse', asked: ({ single }) => single.deFactoSpouse },
  kinship: { field: 'kinRule', asked: ({ kinRule }) => known(kinRule) },
  family_members: {
    field: 'familyship',
    asked: ({ familyship }, facts) => (facts.familyMembers.length === 0 ? false : known(familyship)),
  },
} as const satisfies Partial<Record<Requirement, Asked>>;

type Ruled = keyof typeof RULES;

const COUPLE: readonly Ruled[] = Object.keys(RULES) as Ruled[];

/**
 * The requirements one by one, as whoever decides reads them: met, not met, open, or not asked here, each with where the
 * rule stands. What has no rule of its own (documents, alias, the agreement) stands there where something was found.
 */
export function requirementLines(
  ruleSet: RuleSet,
  facts: CoupleFacts,
  { unmet, toConfirm }: Assessment,
): Line[] {
  const others = [...unmet, ...toConfirm]
    .map(({ requirement }) => requirement)
    .filter((one, index, all) => !isRuled(one) && all.indexOf(one) === index);
  return [
    ...COUPLE.map((requirement): Line => {
      const { field, asked } = RULES[requirement];
      const findings = unmet.filter((one) => one.requirement === requirement);
      const isOpen =
        isUnconfirmed(ruleSet, field) || toConfirm.some((one) => one.requirement === requirement);
      return requirementLine(requirement, {
        findings,
        asked: asked(ruleSet, facts),
        isOpen,
        sources: sourcesOf(ruleSet, field),
      });
    }),
    ...others.map((requirement) => {
      const findings = unmet.filter((one) => one.requirement === requirement);
      const noted = toConfirm.find((one) => one.requirement === requirement);
      const sources = [...findings, ...(noted ? [noted] : [])].flatMap((one) => one.sources);
      return requirementLine(requirement, { findings, asked: true, isOpen: noted !== undefined, sources });
    }),
  ];
}

type Found = {
  readonly findings: readonly Finding[];
  readonly asked: boolean | null;
  readonly isOpen: boolean;
  readonly sources: readonly string[];
};

function requirementLine(requirement: Requirement, { findings, asked, isOpen, sources }: Found): Line {
  const label = REQUIREMENT_WORDS[requirement].ja;
  const source = sources.length > 0 ? `〔出典 ${[...new Set(sources)].join('、')}〕` : '';
  const open = isOpen ? '（要確認）' : '';
  const say = (text: string, checked?: boolean): Line => ({
    label,
    value: `${text}${open}${source}`,
    code: requirement,
    ...(checked === undefined ? {} : { checked }),
  });
  if (findings.length > 0) return say(findings.map(findingText).join('、'), false);
  if (asked === false) return say('この場合は求めない');
  if (asked === null) return say(isOpen ? '規則が公表されていない' : '規則が公表されていない（要確認）');
  return say('要件に合う', true);
}

function findingText({ concerns, finding }: Finding): string {
  const who = concerns === 'both' ? '' : `${POSITION_WORDS[concerns]}：`;
  return `${who}${FINDING_WORDS[finding].ja}`;
}

function isRuled(requirement: Requirement): requirement is Ruled {
  return Object.hasOwn(RULES, requirement);
}
