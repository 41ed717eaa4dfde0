import { POSITIONS, readRegistration } from './demo-counter.ts';
import type { Move } from './demo-move.ts';
import { claim } from './demo-narration.ts';
import { type DemoNode, type Schemas, until } from './demo-node.ts';
import type { SwornCouple } from './demo-oath.ts';
import type { Stage } from './demo-stage.ts';

type Event = Schemas['AuditEvent'];
type Integrity = { readonly intact: boolean; readonly sealedEvents: number; readonly checkpoint?: string };

/** What the log of both authorities says about the transfer, and what the couple can see of it. */
export async function tellAudit(
  { narration, hirakata, sakai }: Stage,
  { registrationId, old, identifying }: SwornCouple,
  { transferId, sessions }: Move,
): Promise<void> {
  narration.scene({ ja: '監査', en: 'Audit' });
  const count = await narration.step(
    {
      ja: '両市の監査記録が、同じ通信を互いに記しています',
      en: 'the logs of both cities agree on every message',
    },
    () =>
      until('the logs of both cities agree', 20, async () => {
        const [origin, destination] = await Promise.all([
          eventsOf(hirakata, transferId),
          eventsOf(sakai, transferId),
        ]);
        claimSameMessages(origin, destination);
        claimSameMessages(destination, origin);
        return midsOf(origin, 'message_sent').size + midsOf(destination, 'message_sent').size;
      }),
  );
  narration.figure(
    { ja: '一件の引継ぎで交わされた署名付き通信', en: 'signed messages of one transfer' },
    `${count} 通`,
  );
  await narration.step(
    {
      ja: '本人は、誰が何のために記録を見たかを確かめられます',
      en: 'each partner sees who read their record, and why',
    },
    async () => {
      await readRegistration(sakai, registrationId, 'inquiry');
      for (const position of POSITIONS) {
        const { accesses } = await sakai.get<{ accesses: Schemas['Access'][] }>('/v1/me/accesses', {
          token: sessions[position],
        });
        const reading = accesses.find(({ type }) => type === 'registration_read');
        claim(
          reading?.by === 'clerk' && reading.purpose === 'inquiry',
          'the reading of a moment ago is shown with role and purpose',
        );
      }
    },
  );
  await narration.step(
    { ja: '監査記録に個人の情報はありません', en: 'the logs hold no personal data' },
    async () => {
      for (const node of [hirakata, sakai]) {
        for (const record of [transferId, registrationId]) {
          const text = JSON.stringify(await eventsOf(node, record));
          claim(!identifying.some((part) => text.includes(part)), `${node.name}: the log names nobody`);
          claim(
            !text.includes(old.first.paperToken) && !text.includes('~'),
            `${node.name}: the log holds no certificate`,
          );
        }
      }
    },
  );
  await narration.step(
    { ja: '両市の監査記録は改ざんされていません', en: 'the logs of both cities are intact' },
    async () => {
      for (const node of [hirakata, sakai]) await claimIntact(node);
    },
  );
}

/** The log is sealed every few seconds; what is not sealed yet is not claimed. */
export async function claimIntact(node: DemoNode): Promise<void> {
  const token = node.authority.tokens.auditor;
  await until(`${node.name}: the log is intact and sealed`, 30, async () => {
    const { intact, sealedEvents, checkpoint } = await node.get<Integrity>('/v1/audit/integrity', { token });
    claim(intact, `${node.name}: the log is broken`);
    return sealedEvents > 0 && checkpoint !== undefined ? true : undefined;
  });
}

async function eventsOf(node: DemoNode, record: string): Promise<Event[]> {
  const token = node.authority.tokens.auditor;
  const { events } = await node.get<{ events: Event[] }>(`/v1/audit/events?record=${record}&limit=1000`, {
    token,
  });
  claim(events.length > 0, `${node.name}: the log knows the record`);
  return events;
}

/** Whatever one side logged as sent, with the peer's signed receipt, the other side logged as received. */
function claimSameMessages(sender: readonly Event[], receiver: readonly Event[]): void {
  const sent = [...midsOf(sender, 'message_sent')].toSorted();
  const received = [...midsOf(receiver, 'message_received')].toSorted();
  claim(
    sent.length > 0 && sent.join() === received.join(),
    `${sent.length} messages sent, ${received.length} received, the same ones`,
  );
}

function midsOf(events: readonly Event[], type: 'message_sent' | 'message_received'): ReadonlySet<string> {
  return new Set(events.filter((event) => event.type === type).map(({ facts }) => String(facts.mid)));
}
