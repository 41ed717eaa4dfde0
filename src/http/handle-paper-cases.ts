import type { AuthorityCode } from '../kernel/authority.ts';
import { Refusal } from '../kernel/refusal.ts';
import { consentOnPaper } from '../transfer/consent-on-paper.ts';
import { refuseConsent } from '../transfer/consent-to-transfer.ts';
import { requireWay, type ShownOnPaper, type WrittenAnswer } from '../transfer/paper-case.ts';
import { recordAnswer } from '../transfer/record-answer.ts';
import { sendLetter } from '../transfer/send-letter.ts';
import { requireTransfer } from '../transfer/transfer-store.ts';
import type { components } from './api.generated.ts';
import { command } from './handle-registrations.ts';
import { required, requireOwn, whoConsents } from './handle-transfers.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';
import { transferBody } from './transfer-body.ts';

type Schemas = components['schemas'];
type Operations = 'consentOnPaper' | 'recordOriginLetter' | 'recordOriginAnswer';

/** Moves from an authority that runs no node: certificates on paper, a letter, and what came back. */
export function paperCaseHandlers(node: NodeParts): Handlers<Operations> {
  const { db, transferDeps: deps } = node;
  return {
    async consentOnPaper({ params, body, actor }) {
      const row = await requireOwn(node, actor, params.transferId);
      const given = whoConsents(actor, body);
      if (body.decision === 'refuse') {
        requireWay(row, 'by_post');
        await refuseConsent({ db, clock: deps.clock, protocol: deps }, actor, row.id, given.position);
      } else {
        const textVersion = required(body.textVersion, '/textVersion');
        const shown = shownOf(required(body.shown, '/shown'));
        await consentOnPaper(deps, actor, row.id, { ...given, textVersion, shown });
      }
      return { status: 200, body: await transferBody(node, await requireTransfer(db, row.id), actor) };
    },

    async recordOriginLetter({ params, body, actor, idempotency }) {
      const row = await requireOwn(node, actor, params.transferId);
      await sendLetter(deps, command('recordOriginLetter', actor, idempotency), row.id, body.sentOn);
      return { status: 200, body: await transferBody(node, await requireTransfer(db, row.id), actor) };
    },

    async recordOriginAnswer({ params, body, actor, idempotency }) {
      const row = await requireOwn(node, actor, params.transferId);
      await recordAnswer(deps, command('recordOriginAnswer', actor, idempotency), row.id, writtenIn(body));
      return { status: 200, body: await transferBody(node, await requireTransfer(db, row.id), actor) };
    },
  };
}

function shownOf({ alias, firstOathDate, ...shown }: Schemas['ShownOnPaper']): ShownOnPaper {
  return { ...shown, alias: alias ?? null, firstOathDate: firstOathDate ?? null };
}

/** What a letter says of the first oath belongs to one that confirms: elsewhere it would be kept for nothing. */
function writtenIn(body: Schemas['OriginAnswer']): WrittenAnswer {
  const { answer, answeredOn, documentNumber, letterSha256, firstOathDate, firstAuthority } = body;
  const letter = { answeredOn, documentNumber, letterSha256 };
  if (answer === 'confirmed')
    return {
      ...letter,
      answer,
      firstOathDate: required(firstOathDate, '/firstOathDate'),
      firstAuthority: required(firstAuthority, '/firstAuthority') as AuthorityCode,
    };
  for (const [name, value] of Object.entries({ firstOathDate, firstAuthority }))
    if (value !== undefined)
      throw new Refusal('request_malformed', { pointer: `/${name}`, rule: 'only_to_confirm' });
  return { ...letter, answer };
}
