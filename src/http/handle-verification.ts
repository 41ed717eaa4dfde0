import { appendEvent } from '../audit/audit-log.ts';
import { keepSightings } from '../certificate/sighting-store.ts';
import { tellVerification } from '../certificate/told-verification.ts';
import type { Verification } from '../certificate/verification.ts';
import { verifyCertificate } from '../certificate/verify-certificate.ts';
import { inTransaction } from '../db/transaction.ts';
import { bundleTrust } from '../federation/bundle-trust.ts';
import { SKEW_SECONDS } from '../federation/member-directory.ts';
import { isAuthorityCode } from '../kernel/authority.ts';
import { dayInJapan, epochSeconds } from '../kernel/clock.ts';
import { sha256Base64url } from '../kernel/digest.ts';
import { Refusal } from '../kernel/refusal.ts';
import { isJsonObject, JsonFault, type JsonValue, parseStrictJson } from '../kernel/strict-json.ts';
import { previewContinuation } from '../registry/continuation.ts';
import type { ContinuationQuestion } from '../registry/continuation-question.ts';
import { type Dated, isInForce } from '../registry/japan-day.ts';
import type { components } from './api.generated.ts';
import { continuationBody, sourcePages } from './continuation-body.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';

type VerificationBody = components['schemas']['Verification'];
type DatedFact = components['schemas']['DatedFact'];
type Question = components['schemas']['VerificationRequest'];

/** A presentation is answered once asked: how old a key binding may be. */
const KEY_BINDING_SECONDS = 300;

export function verificationHandlers(
  node: NodeParts,
): Handlers<
  | 'verifyCertificate'
  | 'verifyCertificates'
  | 'getTrustBundle'
  | 'recogniseCertificate'
  | 'previewContinuation'
  | 'listRuleSets'
> {
  return {
    async verifyCertificate({ body }) {
      return { status: 200, body: verificationBody(node, await verify(node, body)) };
    },

    async verifyCertificates({ rawBody }) {
      return { status: 200, contentType: 'application/x-ndjson', body: verdictLines(node, rawBody ?? '') };
    },

    async getTrustBundle({ headers }) {
      const bundle = bundleTrust(node.directory, node.clock());
      // The same bundle whenever it was made: a phone that has it need not load it again.
      const { madeAt: _, ...lasting } = bundle;
      const etag = `"${sha256Base64url(JSON.stringify(lasting))}"`;
      const cache = { etag, 'cache-control': 'public, no-cache', 'access-control-allow-origin': '*' };
      if (headers['if-none-match'] === etag) return { status: 304, headers: cache };
      return { status: 200, body: bundle, headers: cache };
    },

    async recogniseCertificate({ body, actor, language }) {
      const verification = await verify(node, body);
      const issuer = verification.verdict === 'valid' ? verification.certificate.issuer.code : undefined;
      await inTransaction(node.db, async (trx) => {
        await appendEvent(trx, node.clock, {
          type: 'certificate_recognised',
          actor,
          purpose: body.purpose,
          visibility: 'staff',
          facts: { verdict: verification.verdict, ...(issuer ? { issuer } : {}) },
        });
        if (verification.verdict === 'valid')
          await keepSightings(trx, node.vault.blindIndex, [verification.certificate.digest], node.clock());
      });
      const book = node.rules;
      const continuation =
        issuer && issuer !== node.authority
          ? previewContinuation(book, arrivalFrom(issuer, node.authority, dayInJapan(node.clock())))
          : undefined;
      return {
        status: 200,
        body: {
          verification: verificationBody(node, verification),
          ...(continuation ? { continuation: continuationBody(continuation, book, language) } : {}),
        },
      };
    },

    async previewContinuation({ body, language }) {
      const { cohabiting, on, ...question } = body;
      const today = dayInJapan(node.clock());
      requireRealPlaces(body);
      if (body.oathDate !== undefined && body.oathDate > today)
        throw new Refusal('request_malformed', { pointer: '/oathDate', rule: 'not_in_future' });
      const book = node.rules;
      const asked = { ...question, on: on ?? today, today, cohabitingAtDestination: cohabiting };
      return { status: 200, body: continuationBody(previewContinuation(book, asked), book, language) };
    },

    async listRuleSets({ query }) {
      const { on } = query;
      const book = node.rules;
      const inForce = (facts: readonly Dated[]) =>
        facts
          .filter((fact) => on === undefined || isInForce(fact, on))
          .map((fact) => ({ ...fact }) as DatedFact);
      const authorities = book.authorities.map(
        ({ code, name, kind, contact, schemes, memberships, ruleSets }) => ({
          code,
          name: { ...name },
          kind,
          ...(contact ? { contact } : {}),
          schemes: inForce(schemes),
          memberships: inForce(memberships),
          ruleSets: inForce(ruleSets),
        }),
      );
      return {
        status: 200,
        body: { authorities, agreements: inForce(book.agreements), sources: sourcePages(book) },
      };
    },
  };
}

/** The couple stands at the counter: both have come, today. */
function arrivalFrom(origin: string, destination: string, today: string): ContinuationQuestion {
  return { origin, destination, on: today, today, moving: 'both' };
}

/** A code whose check digit is wrong is a slip of the pen; one that this register does not know is a place like any other. */
function requireRealPlaces({ origin, destination }: { origin: string; destination: string }): void {
  for (const [pointer, code] of [
    ['/origin', origin],
    ['/destination', destination],
  ] as const) {
    if (!isAuthorityCode(code)) throw new Refusal('request_malformed', { pointer, rule: 'authority_code' });
  }
}

function verify(node: NodeParts, question: Question): Promise<Verification> {
  const { keyBinding, certificate } = question;
  return verifyCertificate(certificate.trim(), {
    trust: node.directory.trustView(),
    now: epochSeconds(node.clock()),
    skewSeconds: SKEW_SECONDS,
    ...(keyBinding ? { keyBinding: { ...keyBinding, maxAgeSeconds: KEY_BINDING_SECONDS } } : {}),
  });
}

async function* verdictLines(node: NodeParts, text: string): AsyncIterable<string> {
  let number = 0;
  for (const line of text.split('\n')) {
    number += 1;
    if (line.trim() === '') continue;
    const question = readQuestion(line);
    const verdict = question ? verificationBody(node, await verify(node, question)) : UNREADABLE_LINE;
    yield `${JSON.stringify({ line: number, ...verdict })}\n`;
  }
}

const UNREADABLE_LINE: VerificationBody = {
  verdict: 'invalid',
  checks: [{ check: 'form', outcome: 'failed', reason: 'not_compact' }],
};

/** One line of a batch is held to the same form as the body of a single question. */
function readQuestion(line: string): Question | undefined {
  try {
    const value = parseStrictJson(line, { maxDepth: 4 });
    if (!isJsonObject(value)) return undefined;
    const { certificate, keyBinding, ...surplus } = value;
    if (typeof certificate !== 'string' || Object.keys(surplus).length > 0) return undefined;
    if (keyBinding === undefined) return { certificate };
    const demanded = readKeyBinding(keyBinding);
    return demanded && { certificate, keyBinding: demanded };
  } catch (error) {
    if (error instanceof JsonFault) return undefined;
    throw error;
  }
}

function readKeyBinding(value: JsonValue): Question['keyBinding'] {
  if (!isJsonObject(value) || Object.keys(value).toSorted().join() !== 'audience,nonce') return undefined;
  const { audience, nonce } = value;
  const fits = (text: JsonValue | undefined, min: number, max: number): text is string =>
    typeof text === 'string' && text.length >= min && text.length <= max;
  return fits(audience, 1, 512) && fits(nonce, 8, 256) ? { audience, nonce } : undefined;
}

/** A verdict as the contract has it, wherever it is told. */
export function verificationBody(
  { nameOf }: Pick<NodeParts, 'nameOf'>,
  verification: Verification,
): VerificationBody {
  const { claims, ...told } = tellVerification(verification, nameOf);
  return { ...told, ...(claims ? { claims: { ...claims } as Record<string, unknown> } : {}) };
}
