import { type Certificates, issueCertificates, registerOath, showOnly, verifyValid } from './demo-counter.ts';
import { identifyingTexts, inventCouple } from './demo-couple.ts';
import { claim } from './demo-narration.ts';
import type { Schemas } from './demo-node.ts';
import { whileFrozen } from './demo-process.ts';
import type { Stage } from './demo-stage.ts';

/** A couple of the story, with the certificates that its first city gave it. */
export type SwornCouple = {
  readonly registrationId: string;
  readonly old: Certificates;
  /** Texts that must stand in no log. */
  readonly identifying: readonly string[];
};

/** The oath, and what others make of its certificates. */
export async function tellOath(stage: Stage): Promise<SwornCouple> {
  const couple = inventCouple(stage.hirakata.authority.code);
  const sworn = await tellCounter(stage, couple);
  await tellVerification(stage, sworn.old.first);
  return { ...sworn, identifying: identifyingTexts(couple) };
}

async function tellCounter({ narration, hirakata }: Stage, couple: Schemas['OathRequest']) {
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
