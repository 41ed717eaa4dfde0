import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { claimIntact } from './demo-audit.ts';
import {
  apply,
  type Certificates,
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
import { claim, type Sentence } from './demo-narration.ts';
import { until } from './demo-node.ts';
import { killHard, untilReady } from './demo-process.ts';
import type { Stage } from './demo-stage.ts';

/** How long two killed nodes may take to be started again and to finish what they had begun. */
const HEALING_SECONDS = 120;

/** A whole transfer takes a fraction of a second: a moment drawn from this lies before, in or after any of its steps. */
const MOMENT_MS = 300;

type ReadyCase = { readonly registrationId: string; readonly transferId: string; readonly old: Certificates };

/** Both sides die in the middle of a transfer, twice. It ends all the same, each time with exactly one holder. */
export async function tellCrash(stage: Stage): Promise<void> {
  const { narration, hirakata, sakai, pidOf } = stage;
  narration.scene({
    ja: '引継ぎの途中で両市のサーバーが落ちる',
    en: 'Both nodes are killed in the middle of a transfer',
  });
  const oneByOne = {
    ja: '枚方市を kill -9、すぐに決裁、すぐに堺市も kill -9',
    en: 'kill -9 Hirakata, approve at once, kill -9 Sakai at once',
  };
  await tellBlow(
    stage,
    { sentence: oneByOne, figure: { ja: '一市ずつの停止', en: 'one crash, then the other' } },
    async (transferId) => {
      await killHard([hirakata], pidOf);
      await decide(sakai, transferId, { decision: 'approve' });
      await killHard([sakai], pidOf);
    },
  );
  const moment = randomInt(MOMENT_MS);
  const atOnce = {
    ja: `もう一組: 決裁から ${moment} ミリ秒後（くじ引き）に、両市を同時に kill -9`,
    en: `another couple: ${moment} ms (drawn by lot) after the approval, kill -9 both at once`,
  };
  await tellBlow(
    stage,
    { sentence: atOnce, figure: { ja: '両市同時の停止', en: 'both crashes at once' } },
    async (transferId) => {
      await decide(sakai, transferId, { decision: 'approve' });
      await pause(moment);
      await killHard([hirakata, sakai], pidOf);
    },
  );
  await narration.step(
    { ja: '監査記録は、落ちた後も改ざんなしと確かめられます', en: 'the logs are still intact' },
    async () => {
      for (const node of [hirakata, sakai]) await claimIntact(node);
    },
  );
}

type Blow = { readonly sentence: Sentence; readonly figure: Sentence };

async function tellBlow(
  stage: Stage,
  { sentence, figure }: Blow,
  blow: (transferId: string) => Promise<void>,
): Promise<void> {
  const { narration, hirakata, sakai } = stage;
  const ready = await narration.step(
    {
      ja: '別のお二人が枚方市で宣誓し、堺市で継続に同意しました',
      en: 'another couple swore in Hirakata and consented in Sakai',
    },
    () => prepareCase(stage),
  );
  await narration.step(sentence, () => blow(ready.transferId));
  const killedMs = performance.now();
  await narration.step(
    {
      ja: '両市が自動で起動し、引継ぎが終わりました',
      en: 'both came back by themselves and the transfer ended',
    },
    async () => {
      await untilReady([hirakata, sakai], HEALING_SECONDS);
      await untilTransferIs(sakai, ready.transferId, 'completed', HEALING_SECONDS);
      await untilTransferIs(hirakata, ready.transferId, 'completed', HEALING_SECONDS);
    },
  );
  const seconds = (performance.now() - killedMs) / 1000;
  narration.figure(
    { ja: `${figure.ja}から引継ぎの完了まで`, en: `from ${figure.en} to the end of the transfer` },
    `${seconds.toFixed(1)} 秒`,
  );
  await narration.step(
    {
      ja: '登録を持つ市はちょうど一つ、有効な受領証は新しいものだけです',
      en: 'exactly one city holds the registration, and only the new certificates are valid',
    },
    async () => {
      await claimOneHolder(stage, ready.registrationId);
      await claimOnlyNewValid(stage, ready);
    },
  );
}

async function prepareCase({ hirakata, sakai, today }: Stage): Promise<ReadyCase> {
  const { registrationId } = await registerOath(hirakata, inventCouple(hirakata.authority.code));
  const old = await issueCertificates(hirakata, registrationId);
  const transferId = await openCase(sakai, hirakata);
  const { clerk } = sakai.authority.tokens;
  await apply(sakai, transferId, clerk, applicationOfBoth(sakai.authority.code, today));
  await consentAtCounter(sakai, transferId, old);
  return { registrationId, transferId, old };
}

async function claimOneHolder({ hirakata, sakai }: Stage, registrationId: string): Promise<void> {
  const origin = await readRegistration(hirakata, registrationId, 'inquiry');
  const destination = await readRegistration(sakai, registrationId, 'inquiry');
  claim(origin.state === 'closed' && origin.epoch === 1, `Hirakata: ${origin.state}, epoch ${origin.epoch}`);
  claim(
    destination.state === 'active' && destination.epoch === 2,
    `Sakai: ${destination.state}, epoch ${destination.epoch}`,
  );
}

/** Elsewhere, that is: at a node that took no part. */
async function claimOnlyNewValid({ sakai, osaka }: Stage, { registrationId, old }: ReadyCase): Promise<void> {
  const issued = await readCertificates(sakai, registrationId);
  for (const position of POSITIONS) {
    await until('Osaka knows the new certificate', 60, () => verifyValid(osaka, issued[position].sdJwtVc));
    await until('Osaka refuses the old certificate', 60, async () => {
      const { verdict } = await verify(osaka, old[position].sdJwtVc);
      return verdict === 'invalid' ? true : undefined;
    });
  }
}
