import { generateKeyPairSync } from 'node:crypto';
import { configurationUrl, signEntityStatement } from '../../src/federation/entity-statement.ts';
import { TrustFault } from '../../src/federation/trust-fault.ts';
import type { EntityId } from '../../src/kernel/authority.ts';
import { TokenFault } from '../../src/kernel/compact-jws.ts';
import { type PrivateJwk, type SigningKey, signingKeyFromJwk } from '../../src/kernel/signing-key.ts';
import type { JsonObject } from '../../src/kernel/strict-json.ts';

/** 22 November 2026, 12:00 in Japan. */
export const NOW = Date.parse('2026-11-22T12:00:00+09:00') / 1000;
export const DAY = 86_400;

export function aKey(use: 'sig' | 'enc' = 'sig'): SigningKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return signingKeyFromJwk(privateKey.export({ format: 'jwk' }) as PrivateJwk, use);
}

export const jwks = (...keys: readonly SigningKey[]): JsonObject => ({
  keys: keys.map(({ publicJwk }) => ({ ...publicJwk })),
});

/** One line for what happened: the fault's message, or `accepted`. A foreign error is thrown on. */
export async function verdict(step: () => unknown): Promise<string> {
  try {
    await step();
  } catch (error) {
    if (error instanceof TrustFault || error instanceof TokenFault) return error.message;
    throw error;
  }
  return 'accepted';
}

export type Actor = { readonly id: EntityId; readonly key: SigningKey };

export const anActor = (id: string): Actor => ({ id: id as EntityId, key: aKey() });

/** A configuration's claims; an intermediate or an anchor also has a fetch endpoint. */
export function configuration(self: Actor, over: JsonObject = {}): JsonObject {
  return { iss: self.id, sub: self.id, iat: NOW, exp: NOW + DAY, jwks: jwks(self.key), ...over };
}

export function superiorConfiguration(self: Actor, over: JsonObject = {}): JsonObject {
  const metadata = { federation_entity: { federation_fetch_endpoint: `${self.id}/fetch` } };
  return configuration(self, { metadata, ...over });
}

export function subordinate(superior: Actor, subject: Actor, over: JsonObject = {}): JsonObject {
  return {
    iss: superior.id,
    sub: subject.id,
    iat: NOW,
    exp: NOW + DAY,
    jwks: jwks(subject.key),
    ...over,
  };
}

export const sign = (claims: JsonObject, { key }: Actor): Promise<string> => signEntityStatement(claims, key);

/** Web pages by address: what a resolver may fetch. It remembers what was asked for. */
export class Web {
  readonly pages = new Map<string, string>();
  readonly asked: string[] = [];

  readonly fetchStatement = async (url: string): Promise<string> => {
    this.asked.push(url);
    const page = this.pages.get(url);
    if (page === undefined) throw new TrustFault('statement_not_found');
    return page;
  };

  async configuration(self: Actor, claims: JsonObject): Promise<void> {
    this.pages.set(configurationUrl(self.id), await sign(claims, self));
  }

  async statement(superior: Actor, subject: Actor, claims: JsonObject = subordinate(superior, subject)) {
    this.pages.set(
      `${superior.id}/fetch?sub=${encodeURIComponent(subject.id)}`,
      await sign(claims, superior),
    );
  }
}
