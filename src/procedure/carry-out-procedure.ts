import { appendEvent } from '../audit/audit-log.ts';
import type { CertificateRow } from '../certificate/certificate-store.ts';
import { intendCertificates } from '../certificate/issue-certificates.ts';
import { intendReplacements, surrenderCertificates } from '../certificate/replace-certificates.ts';
import type { Trx } from '../db/transaction.ts';
import { dayInJapan } from '../kernel/clock.ts';
import { Refusal } from '../kernel/refusal.ts';
import { type Actor, type PartnerPosition, POSITIONS } from '../kernel/role.ts';
import {
  type ChangedItem,
  changePartner,
  proveResidence,
  replaceFamily,
} from '../registry/change-registration.ts';
import { certificatesToRenew } from '../registry/protection.ts';
import { findProtection } from '../registry/protection-store.ts';
import { registerOathIn } from '../registry/register-oath.ts';
import type { EndReason } from '../registry/registration.ts';
import { type Couple, findEpoch, type RegistrationRow } from '../registry/registration-store.ts';
import type { ToConfirm } from '../registry/requirement.ts';
import { endRegistrationIn } from '../transfer/end-registration.ts';
import { lockFor } from '../transfer/transfer-store.ts';
import { familyOf, oathOf } from './oath-content.ts';
import { requirePossible } from './open-procedure.ts';
import { type ProcedureKind, ruleOf } from './procedure.ts';
import type { Contents, EndContent } from './procedure-content.ts';
import { type ProcedureDeps, todayOf } from './procedure-rules.ts';
import { findSignatures } from './procedure-signature.ts';
import type { ProcedureRow } from './procedure-store.ts';

/** What the carrying out left behind that the procedure is to remember. */
export type CarriedOut = {
  readonly registration?: { readonly id: string; readonly epoch: number };
  readonly toConfirm?: readonly ToConfirm[];
};

type Context = {
  readonly trx: Trx;
  readonly deps: ProcedureDeps;
  readonly actor: Actor;
  readonly procedure: ProcedureRow;
  readonly today: string;
};
type Registered = Context & {
  readonly registration: RegistrationRow;
  readonly isProtected: Couple<boolean>;
};

/**
 * All that a procedure does to the register and its certificates, in the caller's transaction, which holds the
 * procedure's row. The registration's lock is taken before its row, in the order of the transfers.
 *
 * @throws Refusal `procedure_not_possible`, `hearing_missing`, and whatever the register refuses
 */
export async function carryOutProcedure(
  trx: Trx,
  deps: ProcedureDeps,
  actor: Actor,
  procedure: ProcedureRow,
  content: Contents[ProcedureKind],
): Promise<CarriedOut> {
  const context = { trx, deps, actor, procedure, today: todayOf(deps) };
  try {
    if (!procedure.registration) return await registerOath(context, content as Contents['oath']);
    return await carryOutOn(await registeredOf(context, procedure.registration), content);
  } catch (error) {
    // The request was a mere decision: what is malformed stands in the form, which is to be corrected.
    if (error instanceof Refusal && error.code === 'request_malformed')
      throw new Refusal('procedure_incomplete', error.facts as Refusal<'request_malformed'>['facts']);
    throw error;
  }
}

async function registeredOf(
  context: Context,
  { id, epoch }: { readonly id: string; readonly epoch: number },
): Promise<Registered> {
  const { trx, procedure } = context;
  await lockFor(trx, 'registration', id);
  const registration = await findEpoch(trx, id, epoch, { forUpdate: true });
  if (!registration) throw new Error('a procedure about a registration that is not there');
  requirePossible(procedure.kind, registration.state);
  return { ...context, registration, isProtected: await findProtection(trx, registration) };
}

async function carryOutOn(at: Registered, content: Contents[ProcedureKind]): Promise<CarriedOut> {
  const { kind } = at.procedure;
  switch (kind) {
    case 'oath':
      throw new Error('an oath that is registered already');
    case 'residence_proof':
      return shownResidence(at, content as Contents['residence_proof']);
    case 'change':
      return change(at, content as Contents['change']);
    case 'reissue': {
      const { positions, reason } = content as Contents['reissue'];
      await replaceCertificates(at, positions, reason);
      return {};
    }
    case 'return':
      return takeBack(at, content as Contents['return']);
    case 'dissolution':
    case 'death':
    case 'moved_out':
    case 'requirement_lost':
      return end(at, ruleOf(kind).endReason as EndReason, (content as EndContent).endedOn);
    case 'revocation': {
      const { ground, hearing } = content as Contents['revocation'];
      if (hearing === undefined) throw new Refusal('hearing_missing', {});
      return end(at, ground, at.today);
    }
    case 'erroneous_entry':
      return end(at, kind, at.today);
    case 'certificate_of_fact':
      return {};
  }
}

/** The oath is sworn on the booked day; whoever came later than that, or booked none, swore on the day both had signed. */
async function oathDay({ trx, procedure, today }: Context): Promise<string> {
  const signed = (await findSignatures(trx, procedure.id)).map(({ signedAt }) => dayInJapan(signedAt));
  const booked = procedure.appointment?.on;
  return [...signed, ...(booked !== undefined && booked <= today ? [booked] : [])].toSorted().at(-1) ?? today;
}

async function registerOath(context: Context, content: Contents['oath']): Promise<CarriedOut> {
  const { trx, deps, actor } = context;
  const oathDate = await oathDay(context);
  const { registrationId, epoch, toConfirm } = await registerOathIn(
    trx,
    deps,
    actor,
    oathOf(content, oathDate),
  );
  const registration = { id: registrationId, epoch };
  const { clock, vault, issuerTerms: terms } = deps;
  const intents = await intendCertificates(trx, { clock, vault, terms }, registration);
  await appendEvent(trx, clock, {
    type: 'certificates_issued',
    actor,
    record: { kind: 'registration', id: registrationId },
    visibility: 'both',
    facts: { certificateIds: intents.map(({ id }) => id) },
  });
  return { registration, toConfirm };
}

async function shownResidence(
  at: Registered,
  { partners }: Contents['residence_proof'],
): Promise<CarriedOut> {
  const { trx, deps, registration, today } = at;
  const shown = {
    ...(partners.first ? { first: partners.first.residence } : {}),
    ...(partners.second ? { second: partners.second.residence } : {}),
  };
  const { changed, provenOn } = await proveResidence(trx, deps, registration, shown, today);
  for (const position of changed) await logChange(at, position, ['residence']);
  if (provenOn !== null && provenOn !== registration.residenceProvenOn)
    await appendEvent(trx, deps.clock, {
      type: 'residence_proven',
      actor: at.actor,
      record: { kind: 'registration', id: registration.id },
      ...seenBy(at, null),
      facts: {},
    });
  return {};
}

/** What of a partner's record stands on their own certificate, and of that on the other's too. */
const PRINTED: Readonly<Record<ChangedItem, 'own' | 'both' | 'nowhere'>> = {
  registered_name: 'both',
  alias: 'both',
  birth_date: 'own',
  kana: 'nowhere',
  residence: 'nowhere',
};

async function change(at: Registered, { partners, familyMembers }: Contents['change']): Promise<CarriedOut> {
  const { trx, deps, registration, isProtected } = at;
  const renewed = new Set<PartnerPosition>();
  for (const position of POSITIONS) {
    const wanted = partners?.[position];
    if (!wanted) continue;
    const { correctedBirthDate: birthDate, documentsSeen: _, ...rest } = wanted;
    const { changed } = await changePartner(trx, deps, registration, position, { ...rest, birthDate });
    if (changed.length === 0) continue;
    await logChange(at, position, changed);
    const printed = changed.map((item) => PRINTED[item]);
    if (printed.includes('own')) renewed.add(position);
    if (printed.includes('both'))
      for (const each of certificatesToRenew(isProtected, position)) renewed.add(each);
  }
  const family = familyMembers && (await replaceFamily(trx, deps, registration, familyOf(familyMembers)));
  if (family && family.changed.length > 0) {
    await logChange(at, null, family.changed);
    // A protected partner's family goes on standing on the other's certificate as it did on that day.
    for (const position of POSITIONS)
      if (!isProtected[position === 'first' ? 'second' : 'first']) renewed.add(position);
  }
  await replaceCertificates(
    at,
    POSITIONS.filter((position) => renewed.has(position)),
    'changed',
  );
  return family ? { toConfirm: family.toConfirm } : {};
}

async function replaceCertificates(
  at: Registered,
  positions: readonly PartnerPosition[],
  reason: 'lost' | 'damaged' | 'changed',
): Promise<void> {
  if (positions.length === 0) return;
  const { trx, deps, registration } = at;
  const { clock, vault, issuerTerms: terms } = deps;
  const intents = await intendReplacements(trx, { clock, vault, terms }, registration, positions, reason);
  for (const { id, position } of intents)
    await appendEvent(trx, clock, {
      type: 'certificates_issued',
      actor: at.actor,
      record: { kind: 'registration', id: registration.id },
      ...seenBy(at, position),
      facts: { certificateIds: [id] },
    });
}

async function takeBack(at: Registered, { positions, returnedOn }: Contents['return']): Promise<CarriedOut> {
  const { trx, deps, registration } = at;
  const taken: readonly CertificateRow[] = await surrenderCertificates(
    trx,
    deps,
    registration,
    positions,
    returnedOn,
  );
  for (const { id, position } of taken)
    await appendEvent(trx, deps.clock, {
      type: 'certificate_surrendered',
      actor: at.actor,
      record: { kind: 'registration', id: registration.id },
      ...seenBy(at, position),
      facts: { certificateId: id },
    });
  return {};
}

async function end(
  { trx, deps, actor, registration }: Registered,
  reason: EndReason,
  endedOn: string,
): Promise<CarriedOut> {
  await endRegistrationIn(trx, deps, actor, registration.id, { reason, endedOn });
  return {};
}

async function logChange(
  at: Registered,
  position: PartnerPosition | null,
  items: readonly string[],
): Promise<void> {
  await appendEvent(at.trx, at.deps.clock, {
    type: 'registration_changed',
    actor: at.actor,
    record: { kind: 'registration', id: at.registration.id },
    ...seenBy(at, position),
    facts: { ...(position ? { position } : {}), items },
  });
}

/** Both learn of it, unless it is about one who is protected from the other. */
function seenBy({ isProtected }: Registered, position: PartnerPosition | null) {
  if (position) {
    const visibility = isProtected[position] ? ('acting' as const) : ('both' as const);
    return { visibility, position };
  }
  return { visibility: isProtected.first || isProtected.second ? ('staff' as const) : ('both' as const) };
}
