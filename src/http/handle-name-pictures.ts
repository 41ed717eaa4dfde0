import type { CertificateClaims } from '../certificate/certificate-content.ts';
import { verifyCertificate } from '../certificate/verify-certificate.ts';
import { SKEW_SECONDS } from '../federation/member-directory.ts';
import { epochSeconds } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import { isEverydayName } from '../print/everyday-name.ts';
import { PrintFault } from '../print/print-fault.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';

/** A name that was disclosed, by its place among the claims. */
type ShownName = { readonly pointer: string; readonly name: string };

/**
 * Names as pictures, for whoever holds the certificate that shows them: nobody can have a text of their own drawn under
 * an authority's address. A name comes in the body of a request, never in an address, and is forgotten with the answer.
 */
export function namePictureHandlers(node: NodeParts): Handlers<'drawNames'> {
  return {
    async drawNames({ body }) {
      const verification = await verifyCertificate(body.certificate.trim(), {
        trust: node.directory.trustView(),
        now: epochSeconds(node.clock()),
        skewSeconds: SKEW_SECONDS,
      });
      if (verification.verdict !== 'valid') {
        const { name: check = 'form', reason = 'not_compact' } =
          verification.checks.find(({ outcome }) => outcome === 'failed' || outcome === 'undetermined') ?? {};
        throw new Refusal('certificate_not_accepted', { pointer: '/certificate', check, reason });
      }
      const names = namesIn(verification.certificate.claims).filter(({ name }) => !isEverydayName(name));
      const pictures = [];
      for (const { pointer, name } of names) {
        const svg = await draw(node, name);
        if (svg !== undefined) pictures.push({ pointer, svg });
      }
      return { status: 200, body: { pictures } };
    },
  };
}

function namesIn(claims: Partial<CertificateClaims>): ShownName[] {
  const { registered_name, alias_name, partner_name, family_members = [] } = claims;
  const named = Object.entries({ registered_name, alias_name, partner_name }).map(([claim, name]) => ({
    pointer: `/${claim}`,
    name,
  }));
  const family = family_members.map(({ name }, at) => ({ pointer: `/family_members/${at}/name`, name }));
  return [...named, ...family].filter((each): each is ShownName => each.name !== undefined);
}

/** Undefined where no font here has a character of it: no picture is better than another name's. */
async function draw({ printing }: NodeParts, name: string): Promise<string | undefined> {
  try {
    return (await printing.shop.render({ template: 'name', name })).toString('utf8');
  } catch (error) {
    if (!(error instanceof PrintFault)) throw error;
    if (error.code === 'glyphs_missing') return undefined;
    throw new Refusal('not_ready', { retryAfterSeconds: 5, cause: 'print_shop' });
  }
}
