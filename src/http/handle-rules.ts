import { dayInJapan } from '../kernel/clock.ts';
import { decideRuleChange } from '../registry/decide-rule-change.ts';
import { readRuleBook } from '../registry/parse-rule-book.ts';
import { proposeRuleChange, tryRuleChange } from '../registry/propose-rule-change.ts';
import { requirementWords } from '../registry/requirement-words.ts';
import { ruleSetInForce, type Serving, servingAuthority } from '../registry/rule-book.ts';
import { changedPaths } from '../registry/rule-change.ts';
import type { RuleChangeEffect } from '../registry/rule-change-effect.ts';
import { type BookJson, layOver } from '../registry/rule-change-entries.ts';
import { listRuleChanges, type RuleChangeRow, requireRuleChange } from '../registry/rule-change-store.ts';
import { bookHistory, type PresentBook } from '../registry/rule-library.ts';
import {
  type AuthorityRecord,
  isUnconfirmed,
  RULE_FIELDS,
  type RuleBook,
  type RuleField,
  type RuleSet,
  sourcesOf,
} from '../registry/rule-set.ts';
import type { components } from './api.generated.ts';
import { command } from './handle-registrations.ts';
import type { Handlers } from './handlers.ts';
import type { NodeParts } from './node-parts.ts';
import type { Language } from './problem.ts';

type Schemas = components['schemas'];
type RuleValue = Schemas['RuleBook']['values'][number];

type Operations =
  | 'getRuleBook'
  | 'getServingAuthority'
  | 'listRuleChanges'
  | 'proposeRuleChange'
  | 'simulateRuleChange'
  | 'decideRuleChange';

/** Changes are few in a year; older ones are in the audit log. */
const MOST_LISTED = 100;

export function ruleHandlers(node: NodeParts): Handlers<Operations> {
  const { db, clock, vault, authority, ruleLibrary } = node;
  const deps = { db, clock, vault, authority };

  return {
    async getRuleBook() {
      await ruleLibrary.load(db);
      const { book, json, revision } = ruleLibrary;
      return { status: 200, body: { revision, entries: entriesBody(json), values: valuesOf(book) } };
    },

    async getServingAuthority({ params, query }) {
      const on = query.on ?? dayInJapan(clock());
      const serving = servingAuthority(node.rules, params.municipality, on);
      return { status: 200, body: { on, ...servingBody(serving, node.rules, params.municipality, on) } };
    },

    async listRuleChanges({ language }) {
      const changes = await listRuleChanges(db, MOST_LISTED);
      // Read after the changes: of each of them the book it was written for is then among these.
      const history = await bookHistory(db);
      return { status: 200, body: { changes: changes.map((row) => changeBody(row, history, language)) } };
    },

    async proposeRuleChange({ body, actor, idempotency, language }) {
      const { reason, entries, on } = body;
      const named = command('proposeRuleChange', actor, idempotency);
      const answer = await proposeRuleChange(deps, named, { reason, entries, on });
      const row = await requireRuleChange(db, String(answer.body.changeId));
      // The same command said again gets the first answer, whatever was decided meanwhile.
      const asProposed = {
        ...row,
        state: 'proposed',
        decidedBy: null,
        decidedAt: null,
        revision: null,
      } as const;
      return { status: 201, body: changeBody(asProposed, await bookHistory(db), language) };
    },

    async simulateRuleChange({ body, actor, language }) {
      return { status: 200, body: effectBody(await tryRuleChange(deps, actor, body), language) };
    },

    async decideRuleChange({ params, body, actor, idempotency, language }) {
      const { changeId } = params;
      const named = command('decideRuleChange', actor, idempotency);
      await decideRuleChange({ db, clock }, named, changeId, body.decision);
      await ruleLibrary.load(db);
      const row = await requireRuleChange(db, changeId);
      return { status: 200, body: changeBody(row, await bookHistory(db), language) };
    },
  };
}

function changeBody(
  row: RuleChangeRow,
  history: readonly PresentBook[],
  language: Language,
): Schemas['RuleChange'] {
  return {
    changeId: row.id,
    state: row.state,
    reason: row.reason,
    entries: row.entries as Schemas['RuleEntries'],
    changed: changedBy(row, history),
    proposedBy: row.proposedBy,
    proposedAt: row.proposedAt.toISOString(),
    ...(row.decidedBy && row.decidedAt
      ? { decidedBy: row.decidedBy, decidedAt: row.decidedAt.toISOString() }
      : {}),
    ...(row.revision === null ? {} : { revision: row.revision }),
    simulation: effectBody(row.simulation, language),
  };
}

/** Against the book it was written for. */
function changedBy({ basedOn, entries }: RuleChangeRow, history: readonly PresentBook[]): string[] {
  const base = history[basedOn];
  if (!base) throw new Error('a change is based on a revision that is not there');
  return changedPaths(readRuleBook(base.json), readRuleBook(layOver(base.json, entries)));
}

function effectBody(effect: RuleChangeEffect, language: Language): Schemas['RuleSimulation'] {
  const { on, activeCouples, noLongerQualifying, unknown } = effect;
  return {
    on,
    activeCouples,
    noLongerQualifying,
    unknown,
    byRequirement: effect.byRequirement.map(({ requirement, couples }) => {
      const text = requirementWords.requirement(requirement, language);
      return { requirement, couples, ...(text === undefined ? {} : { text }) };
    }),
    previews: effect.previews.map((each) => ({ ...each })),
  };
}

function entriesBody({ authorities, agreements, municipalities, sources }: BookJson): Schemas['RuleEntries'] {
  return { authorities, agreements, municipalities, sources } as Schemas['RuleEntries'];
}

/** Each value of each rule set, and what an authority decides for all its days, with where it was read. */
function valuesOf(book: RuleBook): RuleValue[] {
  return book.authorities.flatMap((authority) => [
    ...authority.ruleSets.flatMap((ruleSet) =>
      RULE_FIELDS.map((field) => ({
        authority: authority.code,
        validFrom: ruleSet.validFrom,
        field,
        value: valueIn(ruleSet, field),
        sources: [...sourcesOf(ruleSet, field)],
        unconfirmed: isUnconfirmed(ruleSet, field),
      })),
    ),
    ...standingValues(authority),
  ]);
}

function valueIn(ruleSet: RuleSet, field: RuleField): unknown {
  const [outer = '', inner] = field.split('.');
  const value = new Map<string, unknown>(Object.entries(ruleSet)).get(outer);
  return inner === undefined ? value : new Map(Object.entries(value ?? {})).get(inner);
}

function standingValues({
  code,
  schemes,
  calendar,
  deadlines,
  retentionYears,
  postal,
}: AuthorityRecord): RuleValue[] {
  const validFrom = schemes[0]?.validFrom;
  if (validFrom === undefined) return [];
  const value = (field: string, value: unknown, unconfirmed: boolean, sources: readonly string[] = []) => ({
    authority: code,
    validFrom,
    field,
    value,
    sources: [...sources],
    unconfirmed,
  });
  return [
    value('calendar', calendar, calendar.unconfirmed, calendar.sources),
    value('deadlines', deadlines, deadlines.unconfirmed),
    value('retentionYears', retentionYears, retentionYears === null),
    ...postal.map((office) => ({
      ...value('postal', office, office.unconfirmed, office.sources),
      validFrom: office.validFrom,
    })),
  ];
}

function servingBody(serving: Serving, book: RuleBook, municipality: string, on: string) {
  switch (serving.by) {
    case 'municipality':
      return { by: serving.by, ...authorityBody(serving.authority, book, on), confirmed: true };
    case 'prefecture': {
      const { by, authority, confirmed } = serving;
      const listed = authority.municipalities.find(({ code }) => code === municipality);
      const found = authorityBody(authority, book, on);
      return { by, ...found, confirmed, sources: [...(listed?.sources ?? found.sources)] };
    }
    case 'scheme_outside_this_book': {
      const { code, name, sources } = serving.municipality;
      return {
        by: serving.by,
        authority: { code, name: { ...name } },
        confirmed: true,
        sources: [...sources],
      };
    }
    case 'nobody_known':
      return { by: serving.by, confirmed: false };
  }
}

function authorityBody({ code, name, contact }: AuthorityRecord, book: RuleBook, on: string) {
  const sources = ruleSetInForce(book, code, on)?.sources ?? [];
  return { authority: { code, name: { ...name } }, contact, sources: [...sources] };
}
