/** Printable ASCII, and a percent sign only before two hexadecimal digits. */
const FORM = /^(?:[!-$&-~]|%[0-9A-Fa-f]{2})*$/;

export type FormFault = 'form_malformed' | 'parameter_twice';

/**
 * Reads `application/x-www-form-urlencoded` (WHATWG URL §5.1), stricter, so that no two readers take it differently: each
 * name once (RFC 6749 §3.1, §3.2), well-formed UTF-8, no empty pair, no name without its equals sign.
 *
 * @returns the parameters by their names, or why the text is not taken
 */
export function readStrictForm(text: string): ReadonlyMap<string, string> | FormFault {
  if (!FORM.test(text)) return 'form_malformed';
  const parameters = new Map<string, string>();
  for (const pair of text.split('&')) {
    const [name = '', ...value] = pair.split('=');
    const key = decoded(name);
    const said = decoded(value.join('='));
    if (!key || value.length === 0 || said === undefined) return 'form_malformed';
    if (parameters.has(key)) return 'parameter_twice';
    parameters.set(key, said);
  }
  return parameters;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
