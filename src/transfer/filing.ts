import type { AuthorityCode } from '../kernel/authority.ts';
import { isAuthorityCode } from '../kernel/authority.ts';
import { Refusal } from '../kernel/refusal.ts';
import { isJsonObject, type JsonValue } from '../kernel/strict-json.ts';
import type { Couple } from '../registry/registration-store.ts';
import { agreementsBetween } from '../registry/rule-book.ts';
import type { AgreementModel, RuleBook } from '../registry/rule-set.ts';
import { type ConsentStatement, coupleOf, parsed, readConsent } from './transfer-payload.ts';
import { FILING_MODELS, type FilingModel } from './transfer-store.ts';

/**
 * A move that the couple files where it leaves (継続使用, 福岡市 様式第7号). The origin takes in what is stated and both
 * consents and sends them on; the destination opens its case from them. From its request on it is a move like any other.
 */
export type FilingPayload = {
  readonly destination: AuthorityCode;
  readonly model: FilingModel;
  /** In the form of an application at the destination; checked there against the contract. */
  readonly application: JsonValue;
  readonly consents: Couple<ConsentStatement>;
};

/** Why a filing came to nothing, as the other authority and the couple are told. */
export const FILING_ENDS = [
  'withdrawn',
  'registration_ended',
  'expired',
  'not_continuable',
  'consent_missing',
  'not_resident_here',
  'documents_missing',
  'cannot_identify',
  'filed_here_already',
] as const;
export type FilingEnd = (typeof FILING_ENDS)[number];

/** Those that the destination's clerk may choose from. */
export const FILING_DECLINES = [
  'not_resident_here',
  'documents_missing',
  'cannot_identify',
  'filed_here_already',
  'not_continuable',
] as const satisfies readonly FilingEnd[];
export type FilingDecline = (typeof FILING_DECLINES)[number];

/**
 * Under which model the couple may file at the origin.
 *
 * @throws Refusal `filing_not_at_origin` that names what the two have agreed on
 */
export function requireFilingModel(
  rules: RuleBook,
  between: { readonly origin: AuthorityCode; readonly destination: AuthorityCode },
  on: string,
): FilingModel {
  const models = modelsBetween(rules, between, on);
  const model = FILING_MODELS.find((one) => models.includes(one));
  if (!model) throw new Refusal('filing_not_at_origin', { models });
  return model;
}

export function modelsBetween(
  rules: RuleBook,
  { origin, destination }: { readonly origin: AuthorityCode; readonly destination: AuthorityCode },
  on: string,
): AgreementModel[] {
  return [...new Set(agreementsBetween(rules, origin, destination, on).map(({ model }) => model))];
}

/** @returns undefined where the text is not exactly the payload of a filing */
export function readFilingPayload(text: string): FilingPayload | undefined {
  const value = parsed(text);
  if (!value || typeof value.destination !== 'string' || !isAuthorityCode(value.destination))
    return undefined;
  const model = FILING_MODELS.find((known) => known === value.model);
  const consents = coupleOf(value.consents, readConsent);
  const { destination, application } = value;
  if (!model || !consents || !isJsonObject(application)) return undefined;
  return { destination, model, application, consents };
}
