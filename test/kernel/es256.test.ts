import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { CompactSign, compactVerify } from 'jose';
import t from 'tap';
import { isSignedBy, signEs256 } from '../../src/kernel/es256.ts';

/** RFC 7515 appendix A.3: key, signing input and signature. */
const RFC7515_A3 = {
  jwk: {
    kty: 'EC',
    crv: 'P-256',
    x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
    y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  },
  signingInput:
    'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ',
  signature: 'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q',
};

const bytes = (text: string) => Buffer.from(text, 'base64url');

t.test('the signature of RFC 7515 A.3 is good, and no other text, signature or key is', async (t) => {
  const { jwk, signingInput, signature } = RFC7515_A3;
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  t.ok(await isSignedBy(key, signingInput, bytes(signature)));
  t.notOk(await isSignedBy(key, `${signingInput}A`, bytes(signature)));
  const flipped = bytes(signature);
  flipped[40] = flipped[40]! ^ 1;
  t.notOk(await isSignedBy(key, signingInput, flipped));
  t.notOk(await isSignedBy(key, signingInput, bytes(signature).subarray(0, 63)), 'too short');
  t.notOk(await isSignedBy(key, signingInput, Buffer.alloc(64)), 'r = s = 0 (CVE-2022-21449)');
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  t.notOk(await isSignedBy(other, signingInput, bytes(signature)));
});

t.test('a key that is not a public P-256 key never answers yes', async (t) => {
  const { signingInput, signature } = RFC7515_A3;
  for (const key of [
    generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey,
    generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
    generateKeyPairSync('ed25519').publicKey,
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  ]) {
    t.notOk(await isSignedBy(key, signingInput, bytes(signature)), `${key.type} ${key.asymmetricKeyType}`);
  }
});

t.test('many questions at once each get their own answer, for signatures that jose made', async (t) => {
  const pairs = [1, 2, 3].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const questions = await Promise.all(
    Array.from({ length: 30 }, async (_, at) => {
      const signer = pairs[at % 3]!;
      const text = await new CompactSign(Buffer.from(`{"n":${at}}`))
        .setProtectedHeader({ alg: 'ES256' })
        .sign(signer.privateKey);
      const end = text.lastIndexOf('.');
      const asked = pairs[at % 2]!;
      return {
        key: asked.publicKey,
        input: text.slice(0, end),
        signature: bytes(text.slice(end + 1)),
        good: asked === signer,
      };
    }),
  );
  const answers = await Promise.all(
    questions.map(({ key, input, signature }) => isSignedBy(key, input, signature)),
  );
  t.same(
    answers,
    questions.map(({ good }) => good),
  );
});

t.test('what is signed here jose takes, however many are signed at once', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const header = Buffer.from('{"alg":"ES256"}').toString('base64url');
  const inputs = Array.from(
    { length: 20 },
    (_, at) => `${header}.${Buffer.from(`{"n":${at}}`).toString('base64url')}`,
  );
  const signatures = await Promise.all(inputs.map((input) => signEs256(privateKey, input)));
  for (const [at, input] of inputs.entries()) {
    const text = `${input}.${signatures[at]?.toString('base64url')}`;
    const { payload } = await compactVerify(text, publicKey, { algorithms: ['ES256'] });
    t.equal(Buffer.from(payload).toString(), `{"n":${at}}`);
  }
  t.equal(new Set(signatures.map((each) => each.toString('hex'))).size, 20);
});

t.test('only a private P-256 key signs', async (t) => {
  for (const key of [
    generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    generateKeyPairSync('ed25519').privateKey,
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
  ])
    await t.rejects(signEs256(key, 'x.y'), {
      name: 'TypeError',
      message: 'ES256 signs with a private P-256 key',
    });
});
