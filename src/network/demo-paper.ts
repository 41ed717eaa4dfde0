import { showOnly, verifyValid } from './demo-counter.ts';
import type { Move } from './demo-move.ts';
import { claim } from './demo-narration.ts';
import type { Schemas } from './demo-node.ts';
import type { Stage } from './demo-stage.ts';

/** What the couple holds after its move: the proof of how long, and a certificate on paper. */
export async function tellPaper(
  { narration, hirakata, osaka, sakai }: Stage,
  { sessions }: Move,
): Promise<void> {
  narration.scene({ ja: '紙の受領証と、継続の証明', en: 'On paper, and since when' });
  const { certificates } = await sakai.get<{ certificates: Schemas['CertificateForms'][] }>(
    '/v1/me/certificates',
    { token: sessions.first },
  );
  const mine = certificates.find(({ state }) => state === 'issued');
  claim(mine !== undefined, 'the first partner holds a certificate of Sakai');
  await narration.step(
    {
      ja: '最初の宣誓からの道のりが、枚方市の署名で証明されます（大阪市で確かめました）',
      en: 'the way since the first oath is proven by Hirakata’s signature, checked in Osaka',
    },
    async () => {
      const shown = ['continuity', 'first_oath_date', 'first_authority', 'oath_date', 'authority'];
      const { continuity } = await verifyValid(osaka, showOnly(mine.sdJwtVc, shown));
      claim(continuity?.outcome === 'proven', `the continuity is ${continuity?.outcome}`);
      claim(continuity.links[0]?.from.code === hirakata.authority.code, 'the link begins in Hirakata');
    },
  );
  const { bytes, ms } = await narration.step(
    {
      ja: 'ご本人がA4の受領証をPDFで受け取りました（機械で読める受領証を添付）',
      en: 'the partner took the certificate on A4, with the machine-readable one attached',
    },
    async () => {
      const from = performance.now();
      const response = await fetch(
        `${sakai.authority.entityId}/v1/me/certificates/${mine.certificateId}/print?format=a4`,
        { headers: { authorization: `Bearer ${sessions.first}` } },
      );
      const pdf = Buffer.from(await response.arrayBuffer());
      claim(response.status === 200, `printing answers ${response.status}`);
      claim(pdf.subarray(0, 5).toString() === '%PDF-', 'what comes is a PDF');
      return { bytes: pdf.length, ms: performance.now() - from };
    },
  );
  narration.figure(
    {
      ja: '最初の一枚の印刷（組版の起動を含む）',
      en: 'the first page, the start of the typesetter included',
    },
    `${(ms / 1000).toFixed(2)} 秒, ${Math.round(bytes / 1024)} KiB`,
  );
}
