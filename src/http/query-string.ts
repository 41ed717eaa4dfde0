import { Refusal } from '../kernel/refusal.ts';

/**
 * The parameters of a query (WHATWG URL §5.1), each name once: of two values for one name two readers would each take
 * another.
 *
 * @throws Refusal request_malformed, without the name: only the contract's names may be told back
 */
export function parseQuery(text: string): Record<string, string> {
  const query: Record<string, string> = Object.create(null);
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const [name, ...value] = pair.split('=');
    const key = decoded(name ?? '');
    if (key in query) refuse('duplicate_member');
    query[key] = decoded(value.join('='));
  }
  // A plain prototype again, which the schema check expects.
  return { ...query };
}

function decoded(text: string): string {
  let value: string;
  try {
    value = decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return refuse('ill_formed_text');
  }
  return value.includes('\u0000') || value === '__proto__' ? refuse('ill_formed_text') : value;
}

function refuse(rule: string): never {
  throw new Refusal('request_malformed', { pointer: '/query', rule });
}
