import { answerBlinded } from '../federation/blinded-answer.ts';
import { tagKeyOf } from '../federation/blinded-tag.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import { checkDuplicates } from '../procedure/check-duplicates.ts';
import { searchRegister } from '../registry/search-register.ts';
import { publicState } from './handle-registrations.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';
import { createRateLimit } from './rate-limit.ts';

type Operations = 'searchRegister' | 'checkDuplicates' | 'evaluateBlinded' | 'getBlindedIndex';

/**
 * Questions of one kind that one member may put in a minute: a day's work of its counters, and too few to try names and
 * birth dates out.
 */
const QUESTIONS_PER_MINUTE = 60;

export function searchHandlers(node: NodeParts): Handlers<Operations> {
  const { db, clock, vault, entityId: self, messageKey: signingKey, directory } = node;
  const { senderKeys, memberOf } = node.receiptDeps;
  const limit = createRateLimit(clock);
  const answering = {
    db,
    clock,
    vault,
    self,
    signingKey,
    senderKeys,
    memberOf,
    tagKey: tagKeyOf(vault.blindIndex),
    limit: (question: string, { code }: { readonly code: AuthorityCode }) =>
      limit(question, code, QUESTIONS_PER_MINUTE),
  };
  const inquiring = {
    db,
    clock,
    vault,
    self,
    signingKey,
    senderKeys,
    client: node.client,
    known: () => directory.known(),
  };
  const authorities = (codes: readonly AuthorityCode[]) =>
    codes.map((code) => ({ code, name: { ...node.nameOf(code) } }));

  return {
    async searchRegister({ body: { purpose, ...terms }, actor }) {
      const { found, more } = await searchRegister({ db, clock, vault }, actor, terms, purpose);
      return {
        status: 200,
        body: {
          found: found.map(({ state, by, ...each }) => ({ ...each, state: publicState(state), by: [...by] })),
          more,
        },
      };
    },

    async checkDuplicates({ body, actor }) {
      const { asked, possibleMatches, unanswered } = await checkDuplicates(inquiring, actor, body.record);
      return {
        status: 200,
        body: {
          asked,
          possibleMatches: authorities(possibleMatches),
          unanswered: authorities(unanswered),
        },
      };
    },

    async evaluateBlinded({ rawBody }) {
      const body = await answerBlinded(answering, 'evaluation', rawBody ?? '');
      return { status: 200, contentType: 'application/jwt', body };
    },

    async getBlindedIndex({ rawBody }) {
      const body = await answerBlinded(answering, 'index', rawBody ?? '');
      return { status: 200, contentType: 'application/jwt', body };
    },
  };
}
