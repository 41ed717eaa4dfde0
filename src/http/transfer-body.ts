import { dayInJapan } from '../kernel/clock.ts';
import type { Actor, PartnerPosition } from '../kernel/role.ts';
import { DEADLINE_WORDS } from '../procedure/deadline-words.ts';
import { agreementBetween, authorityOf } from '../registry/rule-book.ts';
import { openSealer } from '../registry/vault.ts';
import type { Application } from '../transfer/application.ts';
import { type CaseStep, expiryOn, openDaysLeft, stageOf, waitingFor } from '../transfer/case-clock.ts';
import { progressOf, type Reader, type Told } from '../transfer/case-progress.ts';
import {
  CONSENT_TEXT_VERSION,
  consentText,
  ITEM_WORDS,
  PAPER_CONSENT_TEXT_VERSION,
  PAPER_ITEM_WORDS,
  paperConsentText,
} from '../transfer/consent-text.ts';
import { findHold } from '../transfer/hold-store.ts';
import { findLetter } from '../transfer/letter-store.ts';
import { nextStepOf } from '../transfer/next-step.ts';
import { onePartnerWords } from '../transfer/one-partner.ts';
import { CONTINUITY_ON_PAPER } from '../transfer/paper-case.ts';
import { findConsents, findSteps, type TransferRow } from '../transfer/transfer-store.ts';
import type { components } from './api.generated.ts';
import type { NodeParts } from './node-parts.ts';

type Schemas = components['schemas'];
type Progress = Schemas['TransferProgress'];

export function summaryBody(node: NodeParts, row: TransferRow): Schemas['TransferSummary'] {
  return {
    transferId: row.id,
    side: row.side,
    state: row.state,
    peer: { code: row.peerCode, name: { ...node.nameOf(row.peerCode) } },
    ...(row.filedAs ? { filedAs: row.filedAs } : {}),
    ...(row.byPost ? { byPost: true } : {}),
    ...(row.registrationId && row.state !== 'staged' ? { registrationId: row.registrationId } : {}),
    openedAt: row.openedAt.toISOString(),
  };
}

/** A case as its reader may know it: a partner in the words of the couple, the counter with what it is to do. */
export async function transferBody(
  node: NodeParts,
  row: TransferRow,
  actor: Actor,
): Promise<Schemas['Transfer']> {
  const steps = await findSteps(node.db, row.id);
  const consents = await findConsents(node.db, row.id);
  // When and where the other one was is not theirs to read, nor what is found about the other alone.
  const mayRead = (about: string) =>
    actor.kind !== 'partner' || [actor.scope.position, 'both'].includes(about);
  const given = (position: PartnerPosition): Schemas['ConsentState'] => {
    const consent = consents.find((candidate) => candidate.position === position);
    if (!consent) return { given: false };
    return mayRead(position) ? { given: true, at: consent.givenAt, method: consent.method } : { given: true };
  };
  const unmet = (row.unmet as Schemas['UnmetRequirement'][]).filter(({ concerns }) => mayRead(concerns));
  const states = { first: given('first'), second: given('second') };
  const consented = { first: states.first.given, second: states.second.given };
  const progress = await progressBody(node, row, { steps, consented, actor });
  return {
    ...summaryBody(node, row),
    steps: steps.map(({ step, at }) => ({ step, at: at.toISOString() })),
    nextStep: nextStepOf(row.state, consents.length),
    ...(row.side === 'destination' || row.filedAs
      ? { consents: states, consentText: consentBody(node, row) }
      : {}),
    ...(row.reasons.length > 0 ? { reasons: [...row.reasons] } : {}),
    ...(unmet.length > 0 ? { unmet } : {}),
    ...(row.byPost ? await letterBody(node, row, actor) : {}),
    progress,
  };
}

/** What was asked by letter and what came back. Who wrote it down, and the letter's number, are the office's. */
async function letterBody(
  node: NodeParts,
  row: TransferRow,
  actor: Actor,
): Promise<Pick<Schemas['Transfer'], 'letter'>> {
  const letter = await findLetter(node.db, row.id);
  if (!letter) return {};
  const { sentOn, answer, answeredOn, documentNumber, letterSha256, recordedBy } = letter;
  const { firstOathDate, firstAuthority } = letter;
  return {
    letter: {
      sentOn,
      ...(answer && answeredOn ? { answer, answeredOn } : {}),
      ...(firstOathDate && firstAuthority
        ? {
            firstOathDate,
            firstAuthority: { code: firstAuthority, name: { ...node.nameOf(firstAuthority) } },
            continuity: CONTINUITY_ON_PAPER,
          }
        : {}),
      ...(actor.kind !== 'partner' && documentNumber && letterSha256 && recordedBy
        ? { documentNumber, letterSha256, recordedBy }
        : {}),
    },
  };
}

function consentBody(node: NodeParts, row: TransferRow): NonNullable<Schemas['Transfer']['consentText']> {
  if (row.byPost)
    return {
      version: PAPER_CONSENT_TEXT_VERSION,
      items: PAPER_ITEM_WORDS.map(({ ja }) => ja),
      text: paperConsentText(node.nameOf(row.peerCode), node.nameOf(node.authority)),
    };
  return {
    version: CONSENT_TEXT_VERSION,
    items: Object.values(ITEM_WORDS).map(({ ja }) => ja),
    text:
      row.side === 'destination'
        ? consentText(node.nameOf(row.peerCode), node.nameOf(node.authority))
        : consentText(node.nameOf(node.authority), node.nameOf(row.peerCode)),
  };
}

type Seen = {
  readonly steps: readonly CaseStep[];
  readonly consented: { readonly first: boolean; readonly second: boolean };
  readonly actor: Actor;
};

async function progressBody(
  node: NodeParts,
  row: TransferRow,
  { steps, consented, actor }: Seen,
): Promise<Progress> {
  const reader: Reader = actor.kind === 'partner' ? actor.scope.position : 'office';
  const on = dayInJapan(node.clock());
  const record = authorityOf(node.rules, node.authority);
  const isHere = row.side === 'destination';
  const [origin, destination] = isHere ? [row.peerCode, node.authority] : [node.authority, row.peerCode];
  const agreement = agreementBetween(node.rules, origin, destination, on);
  const checkingUntil = row.originCheckingUntil;
  const waiting =
    record && (isHere || row.filedAs) ? waitingFor(record, row.state, steps, checkingUntil) : undefined;
  const stage = record && waiting ? stageOf(record, waiting.dueOn, on) : 'on_time';
  const { paused, listedFor, ...progress } = progressOf(
    {
      side: row.side,
      state: row.state,
      filed: row.filedAs !== null,
      byPost: row.byPost,
      steps,
      consented,
      corrections: row.corrections,
      checkingUntil,
      reopenUntil: row.reopenUntil,
      waiting,
      stage,
      withoutAnswer: agreement?.withoutAnswer ?? null,
    },
    reader,
  );
  const expiresOn = record && waiting ? expiryOn(record, waiting, on).expiresOn : null;
  const contact = authorityOf(node.rules, row.peerCode)?.contact;
  const hold =
    reader === 'office' && row.registrationId ? await findHold(node.db, row.registrationId) : undefined;
  const who = reader === 'office' || isHere ? await movesAlone(node, row) : false;
  return {
    steps: progress.steps.map((one) => ({ ...one, text: { ...one.text } })),
    certificates: told(progress.certificates),
    guide: progress.guide.map(told),
    corrections: progress.corrections.map(({ text, ...one }) => ({
      ...(one as Omit<Progress['corrections'][number], 'text'>),
      text: { ...text },
    })),
    otherPartnerIsAsked: progress.otherPartnerIsAsked,
    ...(record && waiting
      ? {
          waiting: {
            what: waiting.what,
            text: { ...DEADLINE_WORDS[waiting.what] },
            ...(waiting.dueOn === null ? {} : { dueOn: waiting.dueOn }),
            daysLeft:
              waiting.dueOn === null ? waiting.daysLeft : openDaysLeft(record.calendar, on, waiting.dueOn),
            ...(paused ? { paused: told(paused) } : {}),
            ...(expiresOn === null ? {} : { expiresOn }),
            unconfirmed: record.deadlines.unconfirmed || record.calendar.unconfirmed,
            // How far a delay has climbed inside the office helps nobody outside it.
            ...(reader === 'office' && listedFor ? { stage, listedFor } : {}),
          },
        }
      : {}),
    ...(checkingUntil !== null && row.state === 'requested' ? { originCheckingUntil: checkingUntil } : {}),
    ...(hold && row.state === 'held' ? { hold: { reason: hold.reason, until: hold.untilOn } } : {}),
    ...(row.reopenUntil === null ? {} : { reopenUntil: row.reopenUntil }),
    ...(contact ? { peerContact: contact } : {}),
    ...(who ? { onePartnerMoves: onePartnerWords(agreement?.onePartnerMoves ?? null) } : {}),
  };
}

/** Whether the application says that one of the two moves and the other stays. */
async function movesAlone(node: NodeParts, row: TransferRow): Promise<boolean> {
  if (!row.application) return false;
  const sealer = await openSealer(node.db, node.vault, { kind: 'transfer', id: row.id, epoch: 0 });
  if (!sealer) return false;
  const application = JSON.parse(sealer.open('application', row.application)) as Application;
  return application.move.who === 'one';
}

function told({ code, text }: Told): Schemas['CodedWords'] {
  return { code, text: { ...text } };
}
