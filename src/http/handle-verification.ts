import { appendEvent } from '../audit/audit-log.ts';
import type { Verification } from '../certificate/verification.ts';
import { verifyCertificate } from '../certificate/verify-certificate.ts';
import { inTransaction } from '../db/transaction.ts';
import { SKEW_SECONDS } from '../federation/member-directory.ts';
import { dayInJapan, epochSeconds } from '../kernel/clock.ts';
import { isJsonObject, JsonFault, parseStrictJson } from '../kernel/strict-json.ts';
import { previewContinuation } from '../registry/continuation.ts';
import type { ContinuationPreview } from '../registry/continuation-question.ts';
import { type Dated, isInForce } from '../registry/japan-day.ts';
import type { components } from './api.generated.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';

type VerificationBody = components['schemas']['Verification'];
type PreviewBody = components['schemas']['ContinuationPreview'];
type DatedFact = components['schemas']['DatedFact'];
type Question = components['schemas']['VerificationRequest'];

/** A presentation is answered once asked: how old a key binding may be. */
const KEY_BINDING_SECONDS = 300;

export function verificationHandlers(
  node: NodeParts,
): Handlers<
  'verifyCertificate' | 'verifyCertificates' | 'recogniseCertificate' | 'previewContinuation' | 'listRuleSets'
> {
  return {
    async verifyCertificate({ body }) {
      return { status: 200, body: bodyOf(await verify(node, body)) };
    },

    async verifyCertificates({ rawBody }) {
      return { status: 200, contentType: 'application/x-ndjson', body: verdictLines(node, rawBody ?? '') };
    },

    async recogniseCertificate({ body, actor }) {
      const verification = await verify(node, body);
      const issuer = verification.verdict === 'valid' ? verification.certificate.issuer.code : undefined;
      await inTransaction(node.db, (trx) =>
        appendEvent(trx, node.clock, {
          type: 'certificate_recognised',
          actor,
          purpose: body.purpose,
          visibility: 'staff',
          facts: { verdict: verification.verdict, ...(issuer ? { issuer } : {}) },
        }),
      );
      const continuation =
        issuer && issuer !== node.authority
          ? previewContinuation(node.rules, {
              origin: issuer,
              destination: node.authority,
              on: dayInJapan(node.clock()),
              moving: 'both',
            })
          : undefined;
      return {
        status: 200,
        body: {
          verification: bodyOf(verification),
          ...(continuation ? { continuation: previewBody(continuation) } : {}),
        },
      };
    },

    async previewContinuation({ body }) {
      const { cohabiting, on, ...question } = body;
      const preview = previewContinuation(node.rules, {
        ...question,
        on: on ?? dayInJapan(node.clock()),
        cohabitingAtDestination: cohabiting,
      });
      return { status: 200, body: previewBody(preview) };
    },

    async listRuleSets({ query }) {
      const { on } = query;
      const inForce = (facts: readonly Dated[]) =>
        facts
          .filter((fact) => on === undefined || isInForce(fact, on))
          .map((fact) => ({ ...fact }) as DatedFact);
      const authorities = node.rules.authorities.map(
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
      return { status: 200, body: { authorities } };
    },
  };
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
    const verdict = question ? bodyOf(await verify(node, question)) : UNREADABLE_LINE;
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
    if (!isJsonObject(value) || Object.keys(value).some((member) => member !== 'certificate'))
      return undefined;
    return typeof value.certificate === 'string' ? { certificate: value.certificate } : undefined;
  } catch (error) {
    if (error instanceof JsonFault) return undefined;
    throw error;
  }
}

function bodyOf(verification: Verification): VerificationBody {
  const checks = verification.checks.map(({ name, outcome, reason }) => ({
    check: name,
    outcome,
    ...(reason ? { reason } : {}),
  }));
  if (verification.verdict !== 'valid') return { verdict: verification.verdict, checks };
  const { kind, issuer, issuedAt, expiresAt, claims, basedOn } = verification.certificate;
  return {
    verdict: 'valid',
    checks,
    kind,
    issuer: { code: issuer.code, name: { ...issuer.name } },
    issuedAt: instant(issuedAt),
    expiresAt: instant(expiresAt),
    claims: { ...claims } as Record<string, unknown>,
    basedOn: {
      trustVerifiedAt: instant(basedOn.trustVerifiedAt),
      statusIssuedAt: instant(basedOn.statusIssuedAt),
    },
  };
}

function instant(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function previewBody(preview: ContinuationPreview): PreviewBody {
  const { outcome, agreement, reasons, differences, documents, waived, toConfirm } = preview;
  return {
    outcome,
    ...(agreement ? { agreement } : {}),
    reasons: reasons.map((reason) => ({
      ...reason,
      sources: [...reason.sources],
      remedies: [...reason.remedies],
    })),
    differences: differences.map(({ aspect, origin, destination, effect, sources }) => ({
      aspect,
      effect,
      sources: [...sources],
      ...(origin === null ? {} : { origin }),
      ...(destination === null ? {} : { destination }),
    })),
    documents: [...documents],
    waived: [...waived],
    toConfirm: toConfirm.map(({ requirement, sources }) => ({ requirement, sources: [...sources] })),
  };
}
