import { lookup as resolveName } from 'node:dns';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { ENTITY_STATEMENT_MEDIA_TYPE, MAX_STATEMENT_LENGTH } from './entity-statement.ts';
import { causeOf, type PeerContacts } from './peer-contacts.ts';
import { TrustFault } from './trust-fault.ts';

export type FetchRule = {
  /** The whole network stands on this machine: loopback is then allowed, by plain http too. Never other private addresses. */
  readonly allowLoopback: boolean;
  readonly mediaType?: string;
  /**
   * Also what a file server says of a file whose kind it does not know. Only for signed documents, which carry their kind
   * inside the signature (`typ`).
   */
  readonly orPlainFile?: boolean;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  readonly resolve?: LookupFunction;
  /** Is told who answers and who does not. */
  readonly contacts?: PeerContacts;
};

/**
 * Makes the edge that fetches one signed document. The address comes from a stranger's hints, so: https, public
 * addresses, no redirect, one media type, bounded in size and time. The address is checked where the socket is
 * opened, after the name is resolved, since a name may resolve differently the second time; that is why this is
 * `node:https` and not `fetch`, which hides the lookup.
 *
 * The returned function throws TrustFault `address_refused`, `unreachable`, `statement_not_found`,
 * `response_unusable` or `document_too_large`.
 */
export function makeStatementFetcher(rule: FetchRule): (url: string) => Promise<string> {
  return async (text) => {
    const url = checkedUrl(text, rule);
    return readBody(await open(url, rule), rule.maxBytes ?? MAX_STATEMENT_LENGTH);
  };
}

function checkedUrl(text: string, { allowLoopback }: FetchRule): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.username || url.password) throw new TrustFault('address_refused');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // a literal address is never looked up, so it is checked here; URL has already undone 0x7f.1 and its like
  if (isIP(host) !== 0 && !mayConnect(host, allowLoopback)) throw new TrustFault('address_refused');
  const onLoopback = host === 'localhost' || (isIP(host) !== 0 && isLoopback(host));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowLoopback && onLoopback))
    throw new TrustFault('address_refused');
  return url;
}

function open(url: URL, rule: FetchRule): Promise<IncomingMessage> {
  const { mediaType = ENTITY_STATEMENT_MEDIA_TYPE, timeoutMs = 5000 } = rule;
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      agent: false,
      headers: { accept: mediaType, 'accept-encoding': 'identity', 'user-agent': 'chikai' },
      lookup: guardedLookup(rule),
      signal: AbortSignal.timeout(timeoutMs),
    });
    outgoing.on('error', (error) => {
      if (!(error instanceof TrustFault)) rule.contacts?.failed(url.href, causeOf(error));
      reject(error instanceof TrustFault ? error : new TrustFault('unreachable'));
    });
    outgoing.on('response', (response) => {
      rule.contacts?.answered(url.href, response.headers.date);
      const fault = responseFault(response, mediaType, rule.orPlainFile ?? false);
      if (!fault) return resolve(response);
      response.destroy();
      reject(fault);
    });
    outgoing.end();
  });
}

const PLAIN_FILE = ['application/octet-stream', 'text/plain'];

function responseFault(
  { statusCode = 0, headers }: IncomingMessage,
  mediaType: string,
  orPlainFile: boolean,
): TrustFault | undefined {
  if (statusCode === 404) return new TrustFault('statement_not_found');
  if (statusCode >= 500 || statusCode === 429) return new TrustFault('unreachable');
  if (statusCode !== 200) return new TrustFault('response_unusable', 'status');
  const served = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  const isPlainFile = served === undefined || PLAIN_FILE.includes(served);
  if (served !== mediaType && !(orPlainFile && isPlainFile))
    return new TrustFault('response_unusable', 'content-type');
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    return new TrustFault('response_unusable', 'content-encoding');
  return undefined;
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) throw new TrustFault('document_too_large');
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof TrustFault ? error : new TrustFault('unreachable');
  }
  // a signed document is base64url and dots; any other byte becomes a character that the parser refuses
  return Buffer.concat(chunks).toString('latin1');
}

/** Resolves a name to addresses that we may connect to; one forbidden address condemns the name. */
function guardedLookup({
  allowLoopback,
  resolve = resolveName as LookupFunction,
}: FetchRule): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      const addresses = typeof found === 'string' ? [] : (found ?? []);
      const first = addresses[0];
      if (error || !first) return callback(error ?? new TrustFault('unreachable'), '', 0);
      if (!addresses.every(({ address }) => mayConnect(address, allowLoopback)))
        return callback(new TrustFault('address_refused'), '', 0);
      if (options.all) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** IPv4 that is not the public Internet: the IANA special-purpose registry (RFC 6890), multicast and class E. */
const SPECIAL_IPV4 = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  SPECIAL_IPV4.addSubnet(net, prefix, 'ipv4');

/** IPv6 is public only inside 2000::/3, without documentation, 6to4 and Teredo, which carry an IPv4 address inside. */
const GLOBAL_IPV6 = new BlockList();
GLOBAL_IPV6.addSubnet('2000::', 3, 'ipv6');
const SPECIAL_IPV6 = new BlockList();
for (const [net, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  SPECIAL_IPV6.addSubnet(net, prefix, 'ipv6');

function isLoopback(address: string): boolean {
  return LOOPBACK.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function mayConnect(address: string, allowLoopback: boolean): boolean {
  if (isLoopback(address)) return allowLoopback;
  if (isIP(address) === 4) return !SPECIAL_IPV4.check(address, 'ipv4');
  return GLOBAL_IPV6.check(address, 'ipv6') && !SPECIAL_IPV6.check(address, 'ipv6');
}
