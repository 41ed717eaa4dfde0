const CERTIFICATE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+~[A-Za-z0-9_~.-]*$/;
const ADDRESS = /https?:\/\/[^\s#()<>]{1,400}\/v#[A-Za-z0-9_.-]{1,300}/;
const MOST_FILES = 16;
const MOST_BYTES = 65_536;

export function isPdf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x25 && bytes[1] === 0x50 && bytes[2] === 0x44 && bytes[3] === 0x46;
}

/**
 * The certificate in a PDF of ours: the file attached to it (ISO 32000-1 §7.11.4), else the address behind its QR code.
 * No reader of PDF is needed: streams of attached files stand outside of everything else, and it does not matter what
 * else a stranger may have put there, since what is found is verified.
 */
export async function readPdf(bytes: Uint8Array): Promise<string | undefined> {
  const text = new TextDecoder('latin1').decode(bytes);
  let at = -1;
  for (let nth = 0; nth < MOST_FILES; nth += 1) {
    at = text.indexOf('/EmbeddedFile', at + 1);
    if (at < 0) break;
    const file = await readStream(text, bytes, at);
    if (file !== undefined && CERTIFICATE.test(file)) return file;
  }
  return ADDRESS.exec(text)?.[0];
}

async function readStream(text: string, bytes: Uint8Array, at: number): Promise<string | undefined> {
  const head = /stream\r?\n/g;
  head.lastIndex = at;
  const begin = head.exec(text);
  if (!begin || begin.index - at > 1_000) return undefined;
  const from = begin.index + begin[0].length;
  const dictionary = text.slice(text.lastIndexOf(' obj', at), begin.index);
  const end = text.indexOf('endstream', from);
  if (end < 0) return undefined;
  const length = Number(/\/Length (\d+)(?! \d+ R)/.exec(dictionary)?.[1] ?? end - from);
  const content = new Uint8Array(bytes.subarray(from, from + Math.min(length, end - from)));
  return dictionary.includes('/FlateDecode') ? inflated(content) : new TextDecoder().decode(content).trim();
}

async function inflated(content: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  const reader = new Blob([content]).stream().pipeThrough(new DecompressionStream('deflate')).getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text.trim();
      text += decoder.decode(value, { stream: true });
      if (text.length > MOST_BYTES) return undefined;
    }
  } catch {
    return undefined;
  }
}
