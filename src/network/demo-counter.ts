import { createHash } from 'node:crypto';
import { decodeDisclosure, parseSdJwt, serialiseSdJwt } from '../certificate/sd-jwt.ts';
import { claim } from './demo-narration.ts';
import { type DemoNode, type Schemas, until } from './demo-node.ts';

export const POSITIONS = ['first', 'second'] as const;
export type Position = (typeof POSITIONS)[number];
export type Certificates = { readonly [Each in Position]: Schemas['CertificateForms'] };

/** The clerk registers the oath; the rules of the day of the oath decide. */
export function registerOath(
  node: DemoNode,
  couple: Schemas['OathRequest'],
): Promise<Schemas['RegistrationCreated']> {
  return node.post('/v1/registrations', { token: node.authority.tokens.clerk, body: couple });
}

/** The clerk issues a certificate to each partner and prints both. */
export async function issueCertificates(node: DemoNode, registrationId: string): Promise<Certificates> {
  const token = node.authority.tokens.clerk;
  await node.post(`/v1/registrations/${registrationId}/certificates`, { token });
  return readCertificates(node, registrationId);
}

/** The newest certificate of each partner, as a clerk reads it to hand it over. */
export async function readCertificates(node: DemoNode, registrationId: string): Promise<Certificates> {
  const token = node.authority.tokens.clerk;
  const { certificates } = await readRegistration(node, registrationId, 'issue');
  const [first, second] = await Promise.all(
    POSITIONS.map((position) => {
      const issued = certificates.find(
        (each) => each.position === position && each.state === 'issued' && each.form !== 'wallet',
      );
      claim(issued !== undefined, `${node.name}: a partner has no issued certificate`);
      const path = `/v1/registrations/${registrationId}/certificates/${issued.certificateId}?purpose=issue`;
      return node.get<Schemas['CertificateForms']>(path, { token });
    }),
  );
  claim(first !== undefined && second !== undefined, `${node.name}: two partners have two certificates`);
  return { first, second };
}

export function readRegistration(
  node: DemoNode,
  registrationId: string,
  purpose: 'issue' | 'inquiry' | 'continuation',
): Promise<Schemas['Registration']> {
  return node.get(`/v1/registrations/${registrationId}?purpose=${purpose}`, {
    token: node.authority.tokens.clerk,
  });
}

/** Anybody asks, without an account. */
export function verify(node: DemoNode, certificate: string): Promise<Schemas['Verification']> {
  return node.post('/v1/verifications', { body: { certificate }, expected: 200, timeoutMs: 5000 });
}

/** @throws StoryFault with the checks that did not pass */
export async function verifyValid(node: DemoNode, certificate: string): Promise<Schemas['Verification']> {
  const verification = await verify(node, certificate);
  const failed = verification.checks.filter(
    ({ outcome }) => outcome === 'failed' || outcome === 'undetermined',
  );
  const reasons = failed.map(({ check, reason }) => `${check}: ${reason}`).join(', ');
  claim(
    verification.verdict === 'valid',
    `${node.name}: the certificate is ${verification.verdict} (${reasons})`,
  );
  return verification;
}

/** The holder's own act: leaves out every disclosure that is not to be shown. Nobody else takes part. */
export function showOnly(sdJwtVc: string, names: readonly string[]): string {
  const { issuerJwt, disclosures } = parseSdJwt(sdJwtVc);
  return serialiseSdJwt(
    issuerJwt,
    disclosures.filter((text) => {
      const disclosure = decodeDisclosure(text);
      return disclosure.kind === 'property' && names.includes(disclosure.name);
    }),
  );
}

/** The clerk at the destination opens a case. */
export async function openCase(node: DemoNode, origin: DemoNode): Promise<string> {
  const token = node.authority.tokens.clerk;
  const body = { origin: origin.authority.code };
  const { transferId, state } = await node.post<Schemas['TransferSummary']>('/v1/transfers', { token, body });
  claim(state === 'draft', `${node.name}: a new case is a draft, not ${state}`);
  return transferId;
}

/** A one-time code from the clerk, after a look at a photo id; then the partner's own log-in with it. */
export async function logIn(node: DemoNode, transferId: string, position: Position): Promise<string> {
  const body = { record: { kind: 'transfer', id: transferId }, position, identityCheckedBy: 'photo_id' };
  const { code } = await node.post<{ code: string }>('/v1/login-codes', {
    token: node.authority.tokens.clerk,
    body,
  });
  const session = await node.post<{ token: string; position: Position }>('/v1/sessions', { body: { code } });
  claim(session.position === position, `${node.name}: the session is the other partner's`);
  await node.post('/v1/sessions', { body: { code }, expected: 401 });
  return session.token;
}

export function apply(
  node: DemoNode,
  transferId: string,
  token: string,
  application: Schemas['TransferApplication'],
): Promise<Schemas['Transfer']> {
  return node.put(`/v1/transfers/${transferId}/application`, { token, body: application });
}

/** One partner, logged in, reads the text and consents to it, showing the own certificate. */
export async function consent(
  node: DemoNode,
  transferId: string,
  token: string,
  certificate: string,
): Promise<Schemas['Transfer']> {
  const { consentText } = await node.get<Schemas['Transfer']>(`/v1/transfers/${transferId}`, { token });
  claim(consentText !== undefined, `${node.name}: a partner is shown the text of the consent`);
  const body = { decision: 'consent', textVersion: consentText.version, certificate };
  return node.post(`/v1/transfers/${transferId}/consents`, { token, body, expected: 200 });
}

/** The same on paper: both sign a sheet at the counter, and the clerk records its digest. */
export async function consentAtCounter(
  node: DemoNode,
  transferId: string,
  certificates: Certificates,
): Promise<void> {
  const token = node.authority.tokens.clerk;
  const { consentText } = await node.get<Schemas['Transfer']>(`/v1/transfers/${transferId}`, { token });
  claim(consentText !== undefined, `${node.name}: a clerk is shown the text of the consent`);
  for (const position of POSITIONS) {
    const signedSheetSha256 = createHash('sha256').update(`${transferId} ${position}`).digest('hex');
    const body = {
      decision: 'consent',
      textVersion: consentText.version,
      certificate: certificates[position].paperAddress,
      position,
      counterEvidence: { signedSheetSha256 },
    };
    await node.post(`/v1/transfers/${transferId}/consents`, { token, body, expected: 200 });
  }
}

export function decide<Answer = Schemas['TransferSummary']>(
  node: DemoNode,
  transferId: string,
  body: { decision: 'approve' | 'decline'; reasons?: readonly string[] },
  expected = 200,
): Promise<Answer> {
  return node.post(`/v1/transfers/${transferId}/decision`, {
    token: node.authority.tokens.approver,
    body,
    expected,
  });
}

/** Waits until one side of the transfer says what is wanted. */
export function untilTransferIs(
  node: DemoNode,
  transferId: string,
  state: Schemas['TransferState'],
  withinSeconds: number,
) {
  return until(`${node.name}: the transfer is ${state}`, withinSeconds, async () => {
    const transfer = await node.get<Schemas['Transfer']>(`/v1/transfers/${transferId}`, {
      token: node.authority.tokens.clerk,
      timeoutMs: 3000,
    });
    claim(transfer.state === state, `it is ${transfer.state}`);
    return transfer;
  });
}
