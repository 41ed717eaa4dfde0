import { claimIntact } from './demo-audit.ts';
import {
  apply,
  consentAtCounter,
  decide,
  issueCertificates,
  openCase,
  POSITIONS,
  readCertificates,
  readRegistration,
  registerOath,
  untilTransferIs,
  verify,
  verifyValid,
} from './demo-counter.ts';
import { applicationOfBoth, inventCouple } from './demo-couple.ts';
import { claim } from './demo-narration.ts';
import { until } from './demo-node.ts';
import { killHard, untilReady } from './demo-process.ts';
import type { Stage } from './demo-stage.ts';

/** How long two killed nodes may take to be started again and to finish what they had begun. */
const HEALING_SECONDS = 120;

/** Both sides die in the middle of a transfer. It ends all the same, with exactly one holder. */
export async function tellCrash(stage: Stage): Promise<void> {
  const { narration, hirakata, sakai, osaka, pidOf, today } = stage;
  narration.scene({
    ja: '引継ぎの途中で両市のサーバーが落ちる',
    en: 'Both nodes are killed in the middle of a transfer',
  });
  const { registrationId, transferId, old } = await narration.step(
    {
      ja: '三組目のお二人が枚方市で宣誓し、堺市で継続に同意しました',
      en: 'a third couple swore in Hirakata and consented in Sakai',
    },
    async () => {
      const { registrationId } = await registerOath(hirakata, inventCouple(hirakata.authority.code));
      const old = await issueCertificates(hirakata, registrationId);
      const transferId = await openCase(sakai, hirakata);
      await apply(
        sakai,
        transferId,
        sakai.authority.tokens.clerk,
        applicationOfBoth(sakai.authority.code, today),
      );
      await consentAtCounter(sakai, transferId, old);
      return { registrationId, transferId, old };
    },
  );
  const killedMs = await narration.step(
    {
      ja: '枚方市を kill -9、直後に決裁、直後に堺市も kill -9',
      en: 'kill -9 Hirakata, approve, kill -9 Sakai',
    },
    async () => {
      await killHard(hirakata, pidOf);
      await decide(sakai, transferId, { decision: 'approve' });
      await killHard(sakai, pidOf);
      return performance.now();
    },
  );
  await narration.step(
    {
      ja: '他の市は止まらず、前の受領証は有効なままです',
      en: 'the others go on, and the old certificate stays valid',
    },
    () => verifyValid(osaka, old.first.sdJwtVc),
  );
  await narration.step(
    {
      ja: '両市が自動で起動し、引継ぎが終わりました',
      en: 'both came back by themselves and the transfer ended',
    },
    async () => {
      await Promise.all([hirakata, sakai].map((node) => untilReady(node, HEALING_SECONDS)));
      await untilTransferIs(sakai, transferId, 'completed', HEALING_SECONDS);
      await untilTransferIs(hirakata, transferId, 'completed', HEALING_SECONDS);
    },
  );
  const seconds = (performance.now() - killedMs) / 1000;
  narration.figure(
    { ja: '両市の停止から引継ぎの完了まで', en: 'from both crashes to the end of the transfer' },
    `${seconds.toFixed(1)} 秒`,
  );
  await narration.step(
    { ja: '登録を持つ市は、ちょうど一つです', en: 'exactly one city holds the registration' },
    async () => {
      const [origin, destination] = await Promise.all(
        [hirakata, sakai].map((node) => readRegistration(node, registrationId, 'inquiry')),
      );
      claim(
        origin?.state === 'closed' && origin.epoch === 1,
        `Hirakata: ${origin?.state}, epoch ${origin?.epoch}`,
      );
      claim(
        destination?.state === 'active' && destination.epoch === 2,
        `Sakai: ${destination?.state}, epoch ${destination?.epoch}`,
      );
    },
  );
  await narration.step(
    {
      ja: '新しい受領証が有効で、前の受領証は無効です',
      en: 'the new certificates are valid, the old ones are not',
    },
    async () => {
      const issued = await readCertificates(sakai, registrationId);
      for (const position of POSITIONS) {
        await until('Osaka knows the new certificate', 60, () =>
          verifyValid(osaka, issued[position].sdJwtVc),
        );
        await until('Osaka refuses the old certificate', 60, async () => {
          const { verdict } = await verify(osaka, old[position].sdJwtVc);
          return verdict === 'invalid' ? true : undefined;
        });
      }
    },
  );
  await narration.step(
    { ja: '監査記録は、落ちた後も改ざんなしと確かめられます', en: 'the logs are still intact' },
    async () => {
      for (const node of [hirakata, sakai]) await claimIntact(node);
    },
  );
}
