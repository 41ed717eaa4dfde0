import {
  apply,
  type Certificates,
  consent,
  decide,
  issueCertificates,
  logIn,
  openCase,
  POSITIONS,
  registerOath,
  showOnly,
  untilTransferIs,
  verify,
  verifyValid,
} from './demo-counter.ts';
import { applicationOfBoth, identifyingTexts, inventCouple, OATH_DATE } from './demo-couple.ts';
import { claim } from './demo-narration.ts';
import { type DemoNode, type Schemas, until } from './demo-node.ts';
import { whileFrozen } from './demo-process.ts';
import type { Stage } from './demo-stage.ts';

export type Move = {
  readonly transferId: string;
  readonly registrationId: string;
  readonly sessions: { readonly first: string; readonly second: string };
  readonly old: Certificates;
  /** Texts that must stand in no log. */
  readonly identifying: readonly string[];
};

/** From the oath to the second city: one couple, in the order in which it happens to them. */
export async function tellMove(stage: Stage): Promise<Move> {
  const couple = inventCouple(stage.hirakata.authority.code);
  const { registrationId, old } = await tellOath(stage, couple);
  await tellVerification(stage, old.first);
  const { transferId, sessions } = await tellApplication(stage, old);
  await tellTransfer(stage, { transferId, sessions, old });
  await tellRefusalEverywhere(stage, old);
  return { transferId, registrationId, sessions, old, identifying: identifyingTexts(couple) };
}

async function tellOath({ narration, hirakata }: Stage, couple: Schemas['OathRequest']) {
  narration.scene({ ja: '枚方市で誓う', en: 'An oath in Hirakata' });
  const { registrationId } = await narration.step(
    { ja: '窓口で宣誓を登録しました', en: 'the clerk registered the oath' },
    async () => {
      const created = await registerOath(hirakata, couple);
      claim(
        created.state === 'active' && created.epoch === 1,
        'a registered oath is active, in its first epoch',
      );
      return created;
    },
  );
  const old = await narration.step(
    { ja: 'お二人それぞれに受領証を交付しました', en: 'each partner received a certificate' },
    async () => {
      const certificates = await issueCertificates(hirakata, registrationId);
      const { first, second } = certificates;
      claim(
        first.sdJwtVc !== second.sdJwtVc && first.paperToken !== second.paperToken,
        'the certificates differ',
      );
      claim(first.paperToken.length <= 300, 'the paper token fits into a small QR code');
      return certificates;
    },
  );
  return { registrationId, old };
}

async function tellVerification(
  { narration, hirakata, osaka, pidOf }: Stage,
  certificate: Certificates['first'],
) {
  narration.scene({ ja: '大阪市で確かめる', en: 'Verified in Osaka, without an account' });
  await narration.step({ ja: '受領証は有効です', en: 'the certificate is valid' }, async () => {
    const { issuer } = await verifyValid(osaka, certificate.sdJwtVc);
    claim(issuer?.code === hirakata.authority.code, 'the verdict names Hirakata as issuer');
  });
  await narration.step(
    {
      ja: '紙のQRコードも有効で、個人の情報を含みません',
      en: 'so is the code on paper, which says nothing about a person',
    },
    async () => {
      for (const text of [certificate.paperToken, certificate.paperAddress]) {
        const { kind, claims = {} } = await verifyValid(osaka, text);
        claim(
          kind === 'paper' && Object.keys(claims).length === 0,
          'a paper token tells nothing about the person',
        );
      }
    },
  );
  await narration.step(
    {
      ja: '見せたい項目だけを見せました（お相手の氏名と宣誓日）',
      en: 'the holder showed only the partner’s name and the date of the oath',
    },
    async () => {
      const shown = ['oath_date', 'partner_name'];
      const { claims = {} } = await verifyValid(osaka, showOnly(certificate.sdJwtVc, shown));
      claim(
        Object.keys(claims).toSorted().join() === shown.join(),
        'the verifier sees the shown items and no other',
      );
    },
  );
  await narration.step(
    {
      ja: '枚方市が止まっていても確かめられます（問い合わせをしません）',
      en: 'it works while Hirakata is stopped: verification asks nobody',
    },
    () =>
      whileFrozen(hirakata, pidOf, async () => {
        await verifyValid(osaka, certificate.sdJwtVc);
        await verifyValid(osaka, certificate.paperToken);
      }),
  );
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
      claim(preview.waived.includes('new_oath'), 'no new oath is asked for');
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
  { narration, hirakata, sakai, osaka }: Stage,
  { transferId, sessions, old }: Pick<Move, 'transferId' | 'sessions' | 'old'>,
) {
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
        await claimCarriedOn(osaka, issued, old[position], { hirakata, sakai });
      }
    },
  );
}

async function claimCarriedOn(
  verifier: DemoNode,
  issued: Schemas['CertificateForms'],
  old: Schemas['CertificateForms'],
  { hirakata, sakai }: { hirakata: DemoNode; sakai: DemoNode },
): Promise<void> {
  claim(issued.certificateId !== old.certificateId, 'the certificate is a new one');
  const { issuer, claims = {} } = await verifyValid(verifier, issued.sdJwtVc);
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
  await verifyValid(verifier, issued.paperToken);
}

/** The promise is 60 seconds, at every node of the network, for every form of every old certificate. */
async function tellRefusalEverywhere({ narration, nodes }: Stage, old: Certificates): Promise<void> {
  narration.scene({ ja: '前の受領証は使えなくなる', en: 'The old certificate is refused' });
  const texts = POSITIONS.flatMap((position) => [old[position].sdJwtVc, old[position].paperToken]);
  const startedMs = performance.now();
  const slowest = await narration.step(
    {
      ja: `加盟する${nodes.length}自治体のすべてで、60秒以内に無効になりました`,
      en: `invalid at all ${nodes.length} nodes within 60 seconds`,
    },
    async () => {
      await Promise.all(nodes.map((node) => untilRefused(node, texts)));
      const seconds = (performance.now() - startedMs) / 1000;
      claim(seconds <= 60, `refused everywhere within 60 s, not ${seconds.toFixed(1)} s`);
      return seconds;
    },
  );
  narration.figure(
    {
      ja: '新しい受領証を見てから、前の受領証が全自治体で無効になるまで',
      en: 'from the new certificates to the old ones refused everywhere',
    },
    `${slowest.toFixed(2)} 秒`,
  );
  await narration.step(
    {
      ja: '無効という答えには、どこへ移ったかを示すものがありません',
      en: 'the negative answer carries no place',
    },
    async () => {
      const answers = await Promise.all(nodes.map((node) => verify(node, old.first.sdJwtVc)));
      const texts = new Set(answers.map((answer) => JSON.stringify(answer)));
      claim(texts.size === 1, 'every node gives the same answer');
      for (const answer of answers) claimPlaceless(answer, nodes);
    },
  );
}

async function untilRefused(node: DemoNode, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    await until(`${node.name} refuses the old certificate`, 60, async () => {
      const { verdict } = await verify(node, text);
      return verdict === 'invalid' ? true : undefined;
    });
  }
}

/** Verdict and checks, and in them codes only: no name, code or address of any authority. */
export function claimPlaceless(answer: Schemas['Verification'], nodes: readonly DemoNode[]): void {
  claim(
    Object.keys(answer).toSorted().join() === 'checks,verdict',
    'a negative answer has a verdict and checks, no more',
  );
  const text = JSON.stringify(answer);
  const places = nodes.flatMap(({ authority: { code, name, entityId } }) => [
    code,
    name.ja,
    name.en,
    entityId,
  ]);
  claim(!places.some((place) => text.includes(place)), 'a negative answer names no authority');
}
