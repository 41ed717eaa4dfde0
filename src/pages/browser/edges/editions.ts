/** Says, to the compiler alone, that each edition here can stand where the original stands. */
import type * as originalLeaf from '../../../certificate/signing-certificate.ts';
import type * as originalBase64url from '../../../kernel/base64url.ts';
import type * as originalDigest from '../../../kernel/digest.ts';
import type * as originalEs256 from '../../../kernel/es256.ts';
import type * as originalKey from '../../../kernel/signing-key.ts';
import type * as originalUtf8 from '../../../kernel/utf8.ts';
import type * as originalZlib from '../../../kernel/zlib.ts';
import type * as base64url from './base64url.ts';
import type * as digest from './digest.ts';
import type * as es256 from './es256.ts';
import type * as leaf from './signing-certificate.ts';
import type * as key from './signing-key.ts';
import type * as utf8 from './utf8.ts';
import type * as zlib from './zlib.ts';

/** A Buffer of Node's is bytes to the rules. */
type Plain<Value> = Value extends (...given: infer Given) => infer Result
  ? (...given: Given) => Exclude<Result, Uint8Array> | Bytes<Result>
  : Value;
type Bytes<Result> = [Extract<Result, Uint8Array>] extends [never] ? never : Uint8Array;
type Fits<
  Edition extends { [Name in keyof Edition & keyof Original]: Plain<Original[Name]> },
  Original,
> = Edition;

export type Editions = [
  Fits<typeof base64url, typeof originalBase64url>,
  Fits<typeof digest, typeof originalDigest>,
  Fits<typeof es256, typeof originalEs256>,
  Fits<typeof key, typeof originalKey>,
  Fits<typeof leaf, typeof originalLeaf>,
  Fits<typeof utf8, typeof originalUtf8>,
  Fits<typeof zlib, typeof originalZlib>,
];
