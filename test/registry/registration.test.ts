import t from 'tap';
import { isRefusal } from '../../src/kernel/refusal.ts';
import type { Actor } from '../../src/kernel/role.ts';
import {
  END_REASONS,
  type EndReason,
  REGISTRATION_STATES,
  type RegistrationCommand,
  type RegistrationState,
  requireMayEnd,
  stateAfter,
  TRANSITIONS,
} from '../../src/registry/registration.ts';

/** The law, cell by cell: `null` means forbidden. A new state or command does not compile until its row is written. */
const TABLE: Record<RegistrationCommand, Record<RegistrationState, RegistrationState | null>> = {
  receive: {
    staged: 'received',
    received: null,
    active: null,
    offered: null,
    released: null,
    closed: null,
    ended: null,
    abandoned: null,
  },
  settle: {
    staged: null,
    received: 'active',
    active: null,
    offered: null,
    released: null,
    closed: null,
    ended: null,
    abandoned: null,
  },
  offer: {
    staged: null,
    received: null,
    active: 'offered',
    offered: null,
    released: null,
    closed: null,
    ended: null,
    abandoned: null,
  },
  takeBack: {
    staged: null,
    received: null,
    active: null,
    offered: 'active',
    released: null,
    closed: null,
    ended: null,
    abandoned: null,
  },
  release: {
    staged: null,
    received: null,
    active: null,
    offered: 'released',
    released: null,
    closed: null,
    ended: null,
    abandoned: null,
  },
  close: {
    staged: null,
    received: null,
    active: null,
    offered: null,
    released: 'closed',
    closed: null,
    ended: null,
    abandoned: null,
  },
  end: {
    staged: null,
    received: 'ended',
    active: 'ended',
    offered: 'ended',
    released: null,
    closed: null,
    ended: null,
    abandoned: null,
  },
  recallRelease: {
    staged: null,
    received: 'released',
    active: 'released',
    offered: 'released',
    released: null,
    closed: null,
    ended: null,
    abandoned: null,
  },
  recallClosing: {
    staged: null,
    received: 'closed',
    active: 'closed',
    offered: 'closed',
    released: 'closed',
    closed: null,
    ended: null,
    abandoned: null,
  },
  abandon: {
    staged: 'abandoned',
    received: null,
    active: null,
    offered: null,
    released: null,
    closed: null,
    ended: null,
    abandoned: null,
  },
  stageAgain: {
    staged: null,
    received: null,
    active: null,
    offered: null,
    released: null,
    closed: null,
    ended: null,
    abandoned: 'staged',
  },
};

t.test('every command leads where the table says, and is forbidden everywhere else', async (t) => {
  for (const command of Object.keys(TRANSITIONS) as RegistrationCommand[]) {
    for (const state of REGISTRATION_STATES) {
      t.equal(stateAfter(command, state) ?? null, TABLE[command][state], `${command} in ${state}`);
    }
  }
});

t.test('what has ended or left never comes back; what was given up, only by a new offer', async (t) => {
  const commands = Object.keys(TRANSITIONS) as RegistrationCommand[];
  for (const state of ['ended', 'closed'] as const)
    for (const command of commands) t.equal(stateAfter(command, state), undefined);
  t.same(
    commands.filter((command) => stateAfter(command, 'abandoned') !== undefined),
    ['stageAgain'],
  );
});

t.test(
  'a clerk records what the couple reports, an approver decides what takes the ground from an oath',
  async (t) => {
    const staff = (role: 'clerk' | 'approver' | 'administrator'): Actor => ({
      kind: 'staff',
      role,
      subject: 'staff-1',
    });
    for (const [reason, { decidedBy }] of Object.entries(END_REASONS) as [
      EndReason,
      { decidedBy: readonly string[] },
    ][]) {
      for (const role of ['clerk', 'approver', 'administrator'] as const) {
        const outcome = attempt(() => requireMayEnd(staff(role), reason));
        t.same(
          outcome,
          decidedBy.includes(role) ? 'allowed' : { code: 'role_insufficient', facts: { roles: decidedBy } },
          `${role}: ${reason}`,
        );
      }
    }
    const partner: Actor = {
      kind: 'partner',
      role: 'partner',
      subject: 'partner-1',
      scope: {
        record: { kind: 'registration', id: '3f8e3b3e-6b1f-4d5e-9a55-0d6d4a3d1f10' },
        position: 'first',
      },
    };
    t.match(
      attempt(() => requireMayEnd(partner, 'dissolution')),
      { code: 'role_insufficient' },
    );
  },
);

function attempt(work: () => void): unknown {
  try {
    work();
    return 'allowed';
  } catch (error) {
    if (isRefusal(error)) return { code: error.code, facts: error.facts };
    throw error;
  }
}
