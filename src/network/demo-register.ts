import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Certificates,
  issueCertificates,
  POSITIONS,
  readCertificates,
  registerOath,
  verify,
} from './demo-counter.ts';
import { inventCouple } from './demo-couple.ts';
import { claim } from './demo-narration.ts';
import { type DemoNode, type Schemas, until } from './demo-node.ts';
import type { Stage } from './demo-stage.ts';

/** What a clerk does with the register once in a while: guide, find, change, and ask the others without telling whom. */
export async function tellRegister(stage: Stage): Promise<void> {
  stage.narration.scene({ ja: '台帳と手続き', en: 'The register and its procedures' });
  await tellPreview(stage);
  const couple = inventCouple(stage.hirakata.authority.code);
  const { registrationId } = await registerOath(stage.hirakata, couple);
  const old = await issueCertificates(stage.hirakata, registrationId);
  await tellSearch(stage, couple, registrationId);
  await tellChange(stage, registrationId, old);
  await tellDuplicate(stage, couple);
}

async function tellPreview({ narration, hirakata, daito }: Stage) {
  await narration.step(
    {
      ja: '転居前診断：お一人だけ大東市へ移ると、継続はできず、その理由と出典がわかります',
      en: 'the check before a move: one alone to Daito cannot continue, with the reason and its source',
    },
    async () => {
      const {
        outcome,
        reasons,
        sourcePages = [],
      } = await hirakata.post<Schemas['ContinuationPreview']>('/v1/continuation-previews', {
        body: { origin: hirakata.authority.code, destination: daito.authority.code, moving: 'one' },
        expected: 200,
      });
      claim(outcome === 'new_oath', `the outcome is ${outcome}`);
      claim(
        reasons.some(({ requirement }) => requirement === 'residence') && sourcePages.length > 0,
        'the reason is told with its source',
      );
    },
  );
}

async function tellSearch(
  { narration, hirakata }: Stage,
  couple: Schemas['OathRequest'],
  registrationId: string,
) {
  await narration.step(
    {
      ja: '窓口は読みと生年月日で登録を見つけます。答えに氏名はありません',
      en: 'the clerk finds a registration by reading and birth date; the answer names nobody',
    },
    async () => {
      const { kana, birthDate, registeredName } = couple.partners.first;
      const answer = await hirakata.post<{ found: { registrationId: string }[] }>('/v1/register-searches', {
        token: hirakata.authority.tokens.clerk,
        body: { kana: kana.replaceAll('カクウ', 'かくう'), birthDate, purpose: 'inquiry' },
        expected: 200,
      });
      claim(answer.found[0]?.registrationId === registrationId, 'the couple is found, also in hiragana');
      claim(!JSON.stringify(answer).includes(registeredName), 'no name stands in the answer');
    },
  );
}

async function tellChange({ narration, hirakata, osaka }: Stage, registrationId: string, old: Certificates) {
  const procedureId = await narration.step(
    {
      ja: '通称名の変更を届け出ました。手続きの間も、前の受領証は有効です',
      en: 'a change of alias was filed; meanwhile the old certificates stay valid',
    },
    async () => {
      const id = await fileChange(hirakata, registrationId);
      claim((await verify(osaka, old.first.sdJwtVc)).verdict === 'valid', 'the old one is still valid');
      return id;
    },
  );
  await narration.step(
    {
      ja: '処理と同時に、新しい受領証が有効になり、前のものは無効になりました',
      en: 'carried out: in one moment the new certificates are good and the old ones are not',
    },
    async () => {
      await hirakata.post(`/v1/procedures/${procedureId}/decision`, {
        token: hirakata.authority.tokens.approver,
        body: { decision: 'carry_out' },
        expected: 200,
      });
      const renewed = await readCertificates(hirakata, registrationId);
      for (const position of POSITIONS) {
        const { verdict } = await verify(hirakata, renewed[position].sdJwtVc);
        claim(verdict === 'valid', `the new certificate is ${verdict}`);
        await until('the old one is refused in Osaka', 60, async () =>
          (await verify(osaka, old[position].sdJwtVc)).verdict === 'invalid' ? true : undefined,
        );
      }
    },
  );
}

async function fileChange(node: DemoNode, registrationId: string): Promise<string> {
  const token = node.authority.tokens.clerk;
  const { procedureId } = await node.post<Schemas['Procedure']>('/v1/procedures', {
    token,
    body: { kind: 'change', registrationId, filedBy: 'first' },
  });
  const path = `/v1/procedures/${procedureId}`;
  const change = {
    alias: { name: '架空 みらい', display: 'alias_only' },
    documentsSeen: [{ document: 'alias_proof' }],
  };
  await node.put(`${path}/content`, { token, body: { content: { partners: { first: change } } } });
  await node.post(`${path}/submission`, { token, expected: 200 });
  const signedSheetSha256 = createHash('sha256').update(procedureId).digest('hex');
  const body = { position: 'first', counterEvidence: { signedSheetSha256 } };
  await node.post(`${path}/signatures`, { token, body, expected: 200 });
  return procedureId;
}

async function tellDuplicate({ narration, hirakata, sakai }: Stage, couple: Schemas['OathRequest']) {
  await narration.step(
    {
      ja: '堺市で同じ方の宣誓を受け付けると、「枚方市に確かめる」とだけわかります（誰を探したかは伝わりません）',
      en: 'an oath of the same person in Sakai: the clerk learns only to ask Hirakata, and nobody learns who was looked for',
    },
    async () => {
      const id = await openOath(sakai, couple);
      await until('Hirakata is named', 30, async () => {
        await pause(1_500);
        const { possibleMatches } = await sakai.post<{ possibleMatches: { code: string }[] }>(
          '/v1/duplicate-checks',
          {
            token: sakai.authority.tokens.clerk,
            body: { record: { kind: 'procedure', id } },
            expected: 200,
          },
        );
        return possibleMatches.some(({ code }) => code === hirakata.authority.code) ? true : undefined;
      });
    },
  );
}

async function openOath(node: DemoNode, { partners, couple }: Schemas['OathRequest']): Promise<string> {
  const token = node.authority.tokens.clerk;
  const { procedureId } = await node.post<Schemas['Procedure']>('/v1/procedures', {
    token,
    body: { kind: 'oath', filedBy: 'both' },
  });
  await node.put(`/v1/procedures/${procedureId}/content`, { token, body: { content: { partners, couple } } });
  return procedureId;
}
