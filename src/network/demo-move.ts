import {
  apply,
  type Certificates,
  consent,
  decide,
  logIn,
  openCase,
  POSITIONS,
  untilTransferIs,
  verifyValid,
} from './demo-counter.ts';
import { applicationOfBoth, OATH_DATE } from './demo-couple.ts';
import { claim } from './demo-narration.ts';
import type { Schemas } from './demo-node.ts';
import type { Stage } from './demo-stage.ts';

export type Move = {
  readonly transferId: string;
  /** Of each partner, at the city they move to. */
  readonly sessions: { readonly first: string; readonly second: string };
  /** When the approval was asked for, on this process's monotonic clock. */
  readonly approvedMs: number;
};

/** From the question whether the oath can continue to the new certificates in the couple's hands. */
export async function tellMove(stage: Stage, old: Certificates): Promise<Move> {
  const application = await tellApplication(stage, old);
  const approvedMs = performance.now();
  await tellTransfer(stage, { ...application, approvedMs }, old);
  return { ...application, approvedMs };
}

async function tellApplication({ narration, hirakata, sakai, today }: Stage, old: Certificates) {
  narration.scene({ ja: '堺市へ引っ越す', en: 'Moving to Sakai' });
  await narration.step(
    { ja: '転居前診断: 宣誓は継続できます', en: 'preview of the move: the oath can continue' },
    async () => {
      const preview = await sakai.post<Schemas['ContinuationPreview']>('/v1/continuation-previews', {
        body: {
          origin: hirakata.authority.code,
          destination: sakai.authority.code,
          moving: 'both',
          cohabiting: true,
          sexualMinority: 'declared',
        },
        expected: 200,
      });
      claim(preview.outcome.startsWith('continuable'), `the preview says ${preview.outcome}`);
      claim(
        preview.waived.some(({ code }) => code === 'new_oath'),
        'no new oath is asked for',
      );
    },
  );
  const transferId = await narration.step(
    { ja: '堺市の窓口で継続の申告を受け付けました', en: 'Sakai opened a case' },
    () => openCase(sakai, hirakata),
  );
  const sessions = await narration.step(
    {
      ja: 'お二人がそれぞれのコードでログインしました（コードは一度だけ使えます）',
      en: 'both logged in, each with a code of their own that works once',
    },
    async () => ({
      first: await logIn(sakai, transferId, 'first'),
      second: await logIn(sakai, transferId, 'second'),
    }),
  );
  await narration.step({ ja: '継続申告書を提出しました', en: 'they applied' }, async () => {
    const transfer = await apply(
      sakai,
      transferId,
      sessions.first,
      applicationOfBoth(sakai.authority.code, today),
    );
    claim(
      transfer.state === 'submitted' && (transfer.unmet ?? []).length === 0,
      'nothing is missing in the application',
    );
  });
  await narration.step(
    {
      ja: 'お二人それぞれが自分の受領証を示して同意しました',
      en: 'each consented, showing their own certificate',
    },
    async () => {
      const one = await consent(sakai, transferId, sessions.first, old.first.sdJwtVc);
      claim(
        one.consents?.first.given === true && !one.consents.second.given,
        'one consent does not stand for the other',
      );
      const both = await consent(sakai, transferId, sessions.second, old.second.sdJwtVc);
      claim(both.state === 'consented', `both have consented, the case is ${both.state}`);
    },
  );
  return { transferId, sessions };
}

async function tellTransfer(
  stage: Stage,
  { transferId, sessions, approvedMs }: Move,
  old: Certificates,
): Promise<void> {
  const { narration, hirakata, sakai } = stage;
  narration.scene({ ja: '記録が引き継がれる', en: 'The record moves' });
  await narration.step({ ja: '決裁されました', en: 'an approver approved' }, () =>
    decide(sakai, transferId, { decision: 'approve' }),
  );
  await narration.step(
    { ja: '枚方市から堺市へ引き継がれました', en: 'the registration was handed over' },
    async () => {
      await untilTransferIs(sakai, transferId, 'completed', 60);
      await untilTransferIs(hirakata, transferId, 'completed', 60);
    },
  );
  const seconds = (performance.now() - approvedMs) / 1000;
  narration.figure(
    { ja: '決裁から引継ぎの完了まで', en: 'from approval to the end of the transfer' },
    `${seconds.toFixed(2)} 秒`,
  );
  await narration.step(
    {
      ja: 'お二人がそれぞれ新しい受領証を受け取りました。最初の宣誓の日と自治体が引き継がれています',
      en: 'each fetched a new certificate; date and authority of the first oath are carried on',
    },
    async () => {
      for (const position of POSITIONS) {
        const { certificates } = await sakai.get<{ certificates: Schemas['CertificateForms'][] }>(
          '/v1/me/certificates',
          { token: sessions[position] },
        );
        claim(
          certificates.every((each) => each.position === position),
          'a partner sees only their own certificates',
        );
        const [issued, ...others] = certificates.filter(({ state }) => state === 'issued');
        claim(issued !== undefined && others.length === 0, 'each partner has exactly one new certificate');
        await claimCarriedOn(stage, issued, old[position]);
      }
    },
  );
}

async function claimCarriedOn(
  { hirakata, sakai, osaka }: Stage,
  issued: Schemas['CertificateForms'],
  old: Schemas['CertificateForms'],
): Promise<void> {
  claim(issued.certificateId !== old.certificateId, 'the certificate is a new one');
  const { issuer, claims = {} } = await verifyValid(osaka, issued.sdJwtVc);
  claim(issuer?.code === sakai.authority.code, 'the new certificate is issued by Sakai');
  claim(claims.first_oath_date === OATH_DATE, 'the date of the first oath is carried on');
  const codeOf = (authority: unknown) => (authority as { code?: string } | undefined)?.code;
  claim(
    codeOf(claims.first_authority) === hirakata.authority.code,
    'the authority of the first oath is carried on',
  );
  claim(
    codeOf(claims.authority) === sakai.authority.code,
    'the certificate names the authority that holds the record',
  );
  await verifyValid(osaka, issued.paperToken);
}
