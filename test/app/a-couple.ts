import { randomInt } from 'node:crypto';
import { aKey, becomesTrue, CODES, type Place, type TestNode } from './a-network.ts';

const KANA = 'アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワ';
const someKana = () => Array.from({ length: 8 }, () => KANA[randomInt(KANA.length)]).join('');

export type OathOverrides = {
  readonly oathDate?: string;
  readonly first?: Record<string, unknown>;
  readonly second?: Record<string, unknown>;
  readonly couple?: Record<string, unknown>;
};

/** The oath of an obviously fictional couple, new at each call. */
export function anOath(place: Place, overrides: OathOverrides = {}) {
  const residence = { kind: 'resident', municipality: CODES[place], address: '架空町一丁目一番' };
  const each = (name: string) => ({
    registeredName: name,
    kana: `カクウ ${someKana()}`,
    birthDate: '1990-04-01',
    residence,
    hasSpouse: false,
    hasOtherPartnership: false,
    hasDeFactoSpouse: false,
  });
  return {
    oathDate: overrides.oathDate ?? '2024-05-01',
    partners: {
      first: { ...each('架空 𠮷子'), ...overrides.first },
      second: {
        ...each('見本 邉\u{E0101}江'),
        alias: { name: 'みほん', display: 'alias_only' },
        ...overrides.second,
      },
    },
    couple: {
      sexualMinorityDeclared: true,
      kinship: { degree: 'none', throughAdoptionBetweenPartners: false },
      cohabiting: true,
      ...overrides.couple,
    },
  };
}

export type RegisteredCouple = {
  readonly registrationId: string;
  readonly certificates: { first: Forms; second: Forms };
};
export type Forms = {
  certificateId: string;
  position: string;
  sdJwtVc: string;
  paperToken: string;
  paperAddress: string;
};

/** Swears and is certified, through the API alone. */
export async function aRegisteredCouple(
  node: TestNode,
  overrides: OathOverrides = {},
): Promise<RegisteredCouple> {
  const token = node.token('clerk');
  const registered = await node.call('POST', '/v1/registrations', {
    token,
    key: aKey(),
    body: anOath(node.place, overrides),
  });
  if (registered.status !== 201) throw new Error(`no oath: ${registered.text}`);
  const { registrationId } = registered.body;
  const issued = await node.call('POST', `/v1/registrations/${registrationId}/certificates`, {
    token,
    key: aKey(),
  });
  if (issued.status !== 201) throw new Error(`no certificates: ${issued.text}`);
  const forms = await Promise.all(
    issued.body.certificates.map(async ({ certificateId }: { certificateId: string }) => {
      const answer = await node.call(
        'GET',
        `/v1/registrations/${registrationId}/certificates/${certificateId}?purpose=issue`,
        { token },
      );
      if (answer.status !== 200) throw new Error(`no forms: ${answer.text}`);
      return answer.body as Forms;
    }),
  );
  const of = (position: string) => forms.find((each) => each.position === position) as Forms;
  return { registrationId, certificates: { first: of('first'), second: of('second') } };
}

export function anApplication(
  destination: Place,
  overrides: { partners?: Record<string, unknown>; couple?: Record<string, unknown> } = {},
) {
  const each = {
    residence: { kind: 'resident', municipality: CODES[destination], address: '架空町二丁目二番' },
    hasSpouse: false,
    hasOtherPartnership: false,
    hasDeFactoSpouse: false,
    ...overrides.partners,
  };
  return {
    move: { status: 'moved', on: '2026-11-01', who: 'both' },
    partners: { first: each, second: each },
    couple: {
      sexualMinorityDeclared: true,
      kinship: { degree: 'none', throughAdoptionBetweenPartners: false },
      cohabiting: true,
      ...overrides.couple,
    },
  };
}

export type OpenCase = { readonly transferId: string; readonly sessions: { first: string; second: string } };

/** A case at the destination with both partners logged in by their codes. */
export async function anOpenCase(destination: TestNode, origin: TestNode): Promise<OpenCase> {
  const token = destination.token('clerk');
  const opened = await destination.call('POST', '/v1/transfers', {
    token,
    key: aKey(),
    body: { origin: CODES[origin.place] },
  });
  if (opened.status !== 201) throw new Error(`no case: ${opened.text}`);
  const { transferId } = opened.body;
  const logIn = async (position: 'first' | 'second') => {
    const body = { record: { kind: 'transfer', id: transferId }, position, identityCheckedBy: 'photo_id' };
    const { body: made } = await destination.call('POST', '/v1/login-codes', { token, body });
    const session = await destination.call('POST', '/v1/sessions', { body: { code: made.code } });
    return session.body.token as string;
  };
  return { transferId, sessions: { first: await logIn('first'), second: await logIn('second') } };
}

/** Application and both consents; what is left is the approver's decision. */
export async function consented(
  destination: TestNode,
  open: OpenCase,
  couple: RegisteredCouple,
  application = anApplication(destination.place),
): Promise<void> {
  const path = `/v1/transfers/${open.transferId}`;
  const submitted = await destination.call('PUT', `${path}/application`, {
    token: open.sessions.first,
    body: application,
  });
  if (submitted.status !== 200) throw new Error(`no application: ${submitted.text}`);
  const textVersion = submitted.body.consentText.version;
  for (const position of ['first', 'second'] as const) {
    const body = { decision: 'consent', textVersion, certificate: couple.certificates[position].sdJwtVc };
    const answer = await destination.call('POST', `${path}/consents`, {
      token: open.sessions[position],
      body,
    });
    if (answer.status !== 200) throw new Error(`no consent: ${answer.text}`);
  }
}

export async function approve(destination: TestNode, transferId: string) {
  return destination.call('POST', `/v1/transfers/${transferId}/decision`, {
    token: destination.token('approver'),
    key: aKey(),
    body: { decision: 'approve' },
  });
}

export async function stateOf(node: TestNode, transferId: string): Promise<string> {
  const { body } = await node.call('GET', `/v1/transfers/${transferId}`, { token: node.token('clerk') });
  return body.state;
}

/** The whole move, to its end at both authorities. */
export async function aTransferredCouple(
  origin: TestNode,
  destination: TestNode,
  couple: RegisteredCouple,
): Promise<OpenCase> {
  const open = await anOpenCase(destination, origin);
  await consented(destination, open, couple);
  const decided = await approve(destination, open.transferId);
  if (decided.status !== 200) throw new Error(`not approved: ${decided.text}`);
  await becomesTrue(
    async () =>
      (await stateOf(destination, open.transferId)) === 'completed' &&
      (await stateOf(origin, open.transferId)) === 'completed',
  );
  return open;
}
