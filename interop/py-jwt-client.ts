import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type InteropNetwork, swearIn } from './network.ts';
import { type Client, EndOfRun, hold } from './steps.ts';

const PYTHON = '/usr/bin/python3';
const STEPS = [
  'verifies the issuer’s JWT with the published key',
  'finds a digest for every disclosure, and reads it',
  'verifies the status list token and reads the bit',
  'refuses the JWT with another authority’s key',
] as const;
type Step = (typeof STEPS)[number];
/** What verify.py says of each of its checks: null where it holds. */
type Report = { readonly [Each in Step]?: string | null };

/** Another language: Debian's PyJWT reads what our node signed. */
export function pyJwtClient({ issuer, verifier }: InteropNetwork): Client<Step> {
  return {
    name: `PyJWT ${pyJwtVersion() ?? ''} in Python`.replace('  ', ' '),
    steps: STEPS,
    run: async (take) => {
      if (pyJwtVersion() === undefined)
        throw new EndOfRun(
          `${PYTHON} has no PyJWT with cryptography (Debian: python3-jwt python3-cryptography)`,
        );
      const { certificates } = await swearIn(issuer);
      const report = await askPython({
        certificate: certificates.second.sdJwtVc,
        issuer: issuer.authority.entityId,
        other: verifier.authority.entityId,
        steps: STEPS,
      });
      for (const step of STEPS) {
        await take(step, async () => {
          const fault = report[step];
          hold(fault !== undefined, 'the step was done');
          if (fault !== null) throw new Error(fault);
        });
      }
    },
  };
}

function pyJwtVersion(): string | undefined {
  const { status, stdout } = spawnSync(PYTHON, ['-c', 'import jwt, cryptography; print(jwt.__version__)'], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : undefined;
}

/** By standard input, so that no certificate stands in a list of processes. */
async function askPython(question: unknown): Promise<Report> {
  const child = spawn(PYTHON, [join(import.meta.dirname, 'verify.py')], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(JSON.stringify(question));
  let [out, told] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`python ended with ${code}: ${told.trim().split('\n').at(-1)}`);
  return JSON.parse(out) as Report;
}
