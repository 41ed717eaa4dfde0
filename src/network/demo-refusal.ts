import {
  apply,
  type Certificates,
  consentAtCounter,
  decide,
  issueCertificates,
  openCase,
  POSITIONS,
  readRegistration,
  registerOath,
  untilTransferIs,
  verify,
  verifyValid,
} from './demo-counter.ts';
import { applicationOfOne, inventCouple } from './demo-couple.ts';
import { claimPlaceless } from './demo-invalidity.ts';
import { claim } from './demo-narration.ts';
import { type DemoNode, type Schemas, until } from './demo-node.ts';
import type { Stage } from './demo-stage.ts';

/** 大東市's published rules ask that both live there, and together. */
const UNMET = ['cohabitation', 'residence'];

/**
 * A couple of whom one moves to a city that wants both: the rules say no, and say why. Nothing happens to what the
 * couple has.
 *
 * @param refused a certificate that was refused because its couple moved away
 */
export async function tellRefusal(stage: Stage, refused: Schemas['CertificateForms']): Promise<void> {
  const { narration, hirakata, osaka, daito, today } = stage;
  narration.scene({ ja: '大東市では継続できないお二人', en: 'A couple that Daito’s rules do not accept' });
  const { registrationId, certificates } = await narration.step(
    { ja: '別のお二人が枚方市で宣誓しました', en: 'another couple swore in Hirakata' },
    () => swear(hirakata),
  );
  const transferId = await narration.step(
    {
      ja: 'お一人だけが大東市へ移り、窓口で申告し、紙で同意しました',
      en: 'one of them moved to Daito; they applied at the counter and consented on paper',
    },
    async () => {
      const transferId = await openCase(daito, hirakata);
      const application = applicationOfOne(daito.authority.code, hirakata.authority.code, today);
      const { unmet = [] } = await apply(daito, transferId, daito.authority.tokens.clerk, application);
      claimUnmet(unmet);
      await consentAtCounter(daito, transferId, certificates);
      return transferId;
    },
  );
  const { unmet = [], toDo = [] } = await narration.step(
    {
      ja: '承認できません。満たさない要件のすべてが出典とともに示されます',
      en: 'it cannot be approved; every unmet requirement is listed with its source',
    },
    async () => {
      const problem = await decide<Schemas['Problem']>(daito, transferId, { decision: 'approve' }, 422);
      claim(problem.code === 'continuation_not_possible', `the refusal is ${problem.code}`);
      claimUnmet(problem.unmet ?? []);
      return problem;
    },
  );
  for (const { text, sources } of unmet) narration.tell(`・${text ?? ''}（${sources.join('、')}）`);
  for (const sentence of toDo) narration.tell(`→ ${sentence}`);
  await narration.step(
    {
      ja: '申告は却下されましたが、枚方市の登録と受領証は有効なままです',
      en: 'the case was declined; registration and certificates of Hirakata stay valid',
    },
    async () => {
      await decide(daito, transferId, { decision: 'decline', reasons: ['requirement_unmet'] });
      await untilTransferIs(daito, transferId, 'declined', 10);
      for (const position of POSITIONS) await verifyValid(osaka, certificates[position].sdJwtVc);
      const { state } = await readRegistration(hirakata, registrationId, 'inquiry');
      claim(state === 'active', `the registration is ${state}`);
    },
  );
  await tellLoss(stage, { registrationId, certificates, refused });
}

async function swear(node: DemoNode): Promise<{ registrationId: string; certificates: Certificates }> {
  const { registrationId } = await registerOath(node, inventCouple(node.authority.code));
  return { registrationId, certificates: await issueCertificates(node, registrationId) };
}

function claimUnmet(unmet: readonly Schemas['UnmetRequirement'][]): void {
  const found = unmet.map(({ requirement }) => requirement).toSorted();
  claim(found.join() === UNMET.join(), `unmet are ${UNMET.join(' and ')}, not ${found.join(' and ')}`);
  claim(
    unmet.every(({ sources }) => sources.length > 0),
    'every unmet requirement has a source',
  );
}

type Loss = {
  readonly registrationId: string;
  readonly certificates: Certificates;
  readonly refused: Schemas['CertificateForms'];
};

/** Nobody can tell from the answer why a certificate is refused: lost and moved away read the same, to the byte. */
async function tellLoss(
  { narration, hirakata, osaka, nodes }: Stage,
  { registrationId, certificates: { first, second }, refused }: Loss,
): Promise<void> {
  await narration.step(
    {
      ja: 'お一人が受領証をなくしました。失効の理由は、ほかの人には分かりません',
      en: 'one of them lost the certificate; why it is refused, nobody else can tell',
    },
    async () => {
      const path = `/v1/registrations/${registrationId}/certificates/${first.certificateId}/revocation`;
      await hirakata.post(path, {
        token: hirakata.authority.tokens.clerk,
        body: { reason: 'lost' },
        expected: 200,
      });
      const answer = await until('the lost certificate is refused', 60, async () => {
        const verification = await verify(osaka, first.sdJwtVc);
        return verification.verdict === 'invalid' ? verification : undefined;
      });
      claimPlaceless(answer, nodes);
      const moved = await verify(osaka, refused.sdJwtVc);
      claim(JSON.stringify(answer) === JSON.stringify(moved), 'lost and moved away are answered alike');
      await verifyValid(osaka, second.sdJwtVc);
    },
  );
}
