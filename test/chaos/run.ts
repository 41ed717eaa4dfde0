import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type OpenDatabase, openDatabase } from '../../src/db/database.ts';
import { dayInJapan, systemClock } from '../../src/kernel/clock.ts';
import { prepareDataFolder } from '../../src/network/data-folder.ts';
import { LocalNetwork } from '../../src/network/local-network.ts';
import { readNetworkFile } from '../../src/network/network-file.ts';
import { type NetworkPlan, planNetwork } from '../../src/network/network-plan.ts';
import { authorityFiles } from '../../src/network/prepare-keys.ts';
import { publishedRuleBook } from '../../src/registry/authorities.ts';
import { Random } from '../transfer/simulation/random.ts';
import { Counter, NoAnswer, type Weather } from './counter.ts';
import { type FaultTally, wreak } from './faults.ts';
import { type Books, inspectBooks, inspectLogs, inspectVerdicts, restless } from './final-check.ts';
import { Ledger } from './ledger.ts';
import { type Office, work } from './load.ts';
import { TcpProxy } from './tcp-proxy.ts';

const USAGE = `npm run chaos -- [--minutes 10] [--seed N] [--port 15000] [--hands 4]
Eight authorities' processes, their databases and the anchor on this machine; processes, wires and the database server
are killed at random under a load of transfers, then everything is checked. Ends with 1 if anything does not hold.`;

/** The processes listen this far above their addresses; in between are the wires. */
const BEHIND = 200;
/** How long a healed network may stand without anything changing before it counts as stuck. */
const STUCK_MS = 240_000;

const say = (text: string) => process.stdout.write(`${text}\n`);

/** @returns the exit code */
async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      port: { type: 'string', default: '15000' },
      hands: { type: 'string', default: '4' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  say(`chaos: ${minutes} minutes, seed ${seed} (decides what is tried; the machine decides when)`);
  const data = await mkdtemp(join(tmpdir(), 'chikai-chaos-'));
  prepareDataFolder(data);
  const plan = planNetwork(publishedRuleBook.authorities, {
    data,
    port: Number(values.port),
    chosen: undefined,
  });
  const chaos = new Chaos(plan, { minutes, random: new Random(seed), hands: Number(values.hands) });
  process.once('SIGINT', () => chaos.hurry());
  try {
    const faults = await chaos.play();
    if (faults.length === 0) return 0;
    const trace = join(tmpdir(), `chikai-chaos-${seed}.trace`);
    writeFileSync(trace, `${chaos.ledger.trace.join('\n')}\n`);
    for (const fault of faults.slice(0, 40)) say(`BROKEN ${fault}`);
    say(`${faults.length} faults; seed ${seed}; course in ${trace}; data and logs in ${data}`);
    return 1;
  } finally {
    await chaos.stop();
    // What broke is looked for in the logs and the rows.
    if (chaos.sound) await rm(data, { recursive: true, force: true });
  }
}

class Chaos {
  readonly ledger = new Ledger();
  sound = false;
  readonly #plan: NetworkPlan;
  readonly #terms: { readonly minutes: number; readonly random: Random; readonly hands: number };
  readonly #proxies: readonly TcpProxy[];
  readonly #network: LocalNetwork;
  readonly #weather: Weather = { unanswered: 0, faults: new Map() };
  readonly #enough = new AbortController();
  readonly #patience = new AbortController();
  readonly #databases: OpenDatabase[] = [];
  #lost: unknown;
  #revivals = 0;

  constructor(plan: NetworkPlan, terms: { minutes: number; random: Random; hands: number }) {
    this.#plan = plan;
    this.#terms = terms;
    const nodes = [...plan.authorities, plan.anchor];
    this.#proxies = nodes.map(
      ({ port }) => new TcpProxy(port + BEHIND, (limit) => terms.random.below(limit)),
    );
    this.#network = new LocalNetwork(
      plan,
      systemClock,
      {
        onStep: (step) => step === 'prepared' && void this.#openWires(),
        onRevived: () => {
          this.#revivals += 1;
        },
        onLost: (error) => {
          this.#lost = error;
          this.#patience.abort();
          this.#enough.abort();
        },
      },
      (process) => {
        const port = Number(process.environment.PORT) + BEHIND;
        const readyUrl = process.readyUrl.replace(/:\d+/, `:${port}`);
        const environment = {
          ...process.environment,
          PORT: String(port),
          CHIKAI_STATUS_REFRESH_SECONDS: '10',
        };
        return { ...process, readyUrl, environment };
      },
    );
  }

  hurry(): void {
    this.#enough.abort();
  }

  /** @returns everything that does not hold */
  async play(): Promise<string[]> {
    const report = await this.#network.start(new AbortController().signal);
    say(`the network is up; ${report.notRecognising.length} do not recognise all others yet`);
    const offices = await this.#offices();
    const ending = setTimeout(() => this.#enough.abort(), this.#terms.minutes * 60_000);
    const telling = setInterval(() => say(this.#state()), 30_000);
    const today = dayInJapan(systemClock());
    const { random, minutes, hands } = this.#terms;
    const load = { offices, ledger: this.ledger, random, today, enough: this.#enough.signal };
    const hard = wreak({
      names: this.#plan.authorities.map(({ id }) => id),
      proxies: this.#proxies,
      pids: () => this.#network.pids,
      isReady: (name) => this.#isReady(name),
      random,
      ledger: this.ledger,
      enough: this.#enough.signal,
      minutes,
    });
    const hearts = Array.from({ length: hands }, () => work(load));
    const tally = await hard;
    say('healing: no more faults; what was begun is brought to its end');
    const faults = await this.#settle(hearts);
    clearTimeout(ending);
    clearInterval(telling);
    const outcome = [...faults, ...(this.#lost ? ['the database did not come back'] : [])];
    if (outcome.length === 0) outcome.push(...(await this.#inspect(offices, tally)));
    else say(this.#state());
    this.sound = outcome.length === 0;
    return outcome;
  }

  async stop(): Promise<void> {
    for (const database of this.#databases) await database.close().catch(() => undefined);
    await this.#network.stop();
    await Promise.all(this.#proxies.map((proxy) => proxy.close().catch(() => undefined)));
  }

  async #openWires(): Promise<void> {
    const ports = [...this.#plan.authorities, this.#plan.anchor].map(({ port }) => port);
    await Promise.all(this.#proxies.map((proxy, at) => proxy.listen(ports[at] ?? 0)));
  }

  async #offices(): Promise<Office[]> {
    const file = await readNetworkFile(this.#plan.data);
    if (!file) throw new Error('the network has written nothing down');
    return file.authorities.map((authority) => ({
      authority,
      counter: new Counter(authority.entityId, this.#weather, this.#patience.signal),
    }));
  }

  /** Past the wires: whether a process can work has nothing to do with its wire's mood. */
  async #isReady(name: string): Promise<boolean> {
    const port = (this.#plan.authorities.find(({ id }) => id === name)?.port ?? 0) + BEHIND;
    const url = `http://127.0.0.1:${port}/readyz`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.status === 200;
  }

  /** Waits for the hands and then for the network, for as long as anything still moves. */
  async #settle(hands: readonly Promise<void>[]): Promise<string[]> {
    const faults: string[] = [];
    let resting = false;
    const working = Promise.all(hands).then(
      () => true,
      (error: unknown) => {
        faults.push(
          error instanceof NoAnswer
            ? `nobody answered: ${error.message}`
            : `the load itself failed: ${String(error)}`,
        );
        return true;
      },
    );
    void working.then(() => {
      resting = true;
    });
    let [last, since] = ['', performance.now()];
    for (;;) {
      const left = await restless(await this.#books()).catch(
        (error: unknown) => `books unreadable: ${String(error)}`,
      );
      if (this.#lost || (resting && left === '')) return faults;
      const seen = `${left} ${this.ledger.trace.length}`;
      if (seen !== last) [last, since] = [seen, performance.now()];
      if (performance.now() - since > STUCK_MS) {
        this.#patience.abort();
        return [...faults, `L1: stuck with ${left || 'the load waiting'}`];
      }
      await pause(1000);
    }
  }

  async #books(): Promise<Books> {
    const admin = this.#network.databaseAdmin;
    if (!admin) throw new Error('no database');
    if (this.#databases.length === 0) {
      for (const { database } of this.#plan.authorities) {
        this.#databases.push(openDatabase({ ...admin, database }, { max: 1, applicationName: 'chaos' }));
      }
    }
    return this.#plan.authorities.flatMap(({ id, entityId: self }, at) => {
      const db = this.#databases[at]?.db;
      return db ? [{ id, self, db }] : [];
    });
  }

  async #inspect(offices: readonly Office[], tally: FaultTally): Promise<string[]> {
    const books = await this.#books();
    const found = await inspectBooks(books, this.ledger);
    // Lists are looked at again every ten seconds, so a healed node may need a look more.
    let verdicts = await inspectVerdicts(offices, this.ledger);
    for (let looks = 0; verdicts.length > 0 && looks < 6; looks += 1) {
      await pause(10_000);
      verdicts = await inspectVerdicts(offices, this.ledger);
    }
    const logs = await inspectLogs(offices);
    const { ledger } = this;
    const cuts = this.#proxies.reduce((sum, proxy) => sum + proxy.cuts, 0);
    say(this.#state());
    say(
      [
        '',
        `transfers: ${ledger.tried} tried, ${ledger.completed} completed, ${ledger.cancelled} cancelled or withdrawn, ${ledger.refused} refused by rules`,
        `couples: ${ledger.couples.length}, ${ledger.dissolved} parted, ${ledger.revoked} certificates replaced; ${found.registrations} registrations in 8 databases`,
        `kills: ${tally.kills} of authorities, ${tally.anchorKills} of the anchor, ${tally.databaseKills} of PostgreSQL; ${this.#revivals} revivals`,
        `wires: ${cuts} connections cut, ${tally.moods} changes of mood`,
        `verifications: ${ledger.verifications}, wrong ${ledger.wrong.length}, undetermined ${ledger.undetermined}, late ${ledger.late}`,
        `lost ${found.lost}, doubled ${found.doubled}, messages logged at both sides ${found.messages}`,
        `faults of the service that a counter saw: ${[...this.#weather.faults].map(([what, n]) => `${n} × ${what}`).join('; ') || 'none'}`,
        `lines of error in the logs: ${this.#errorLines().join('; ') || 'none'}`,
      ].join('\n'),
    );
    return [
      ...found.breaches,
      ...(found.lost > 0 ? [`${found.lost} lost`] : []),
      ...(found.doubled > 0 ? [`${found.doubled} doubled`] : []),
      ...verdicts,
      ...logs,
      ...ledger.wrong,
      ...ledger.oddities,
    ];
  }

  #state(): string {
    const { tried, completed, cancelled, verifications, wrong, couples } = this.ledger;
    const busy = couples.filter(({ state }) => state === 'busy').length;
    return `  ${couples.length} couples (${busy} busy), ${tried} transfers tried, ${completed} completed, ${cancelled} cancelled, ${verifications} verifications, ${wrong.length} wrong, ${this.#weather.unanswered} without answer`;
  }

  /** By kind, of all authorities' processes: a process that is killed, or loses its database, may still not misbehave. */
  #errorLines(): string[] {
    const kinds = new Map<string, number>();
    for (const authority of this.#plan.authorities) {
      for (const line of readFileSync(authorityFiles(authority).log, 'utf8').split('\n')) {
        if (!/"level":(50|60|"error"|"fatal")|^[A-Z]\w*Error/.test(line)) continue;
        const kind = kindOf(line);
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      }
    }
    return [...kinds].map(([kind, count]) => `${count} × ${kind}`);
  }
}

function kindOf(line: string): string {
  try {
    const { msg, event, error, operationId } = JSON.parse(line) as Record<string, unknown>;
    const { type, name, code } = (error ?? {}) as Record<string, unknown>;
    return [msg, event, operationId, type, name, code].filter(Boolean).join(' ');
  } catch {
    return line.slice(0, 80);
  }
}

process.exitCode = await run(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`chaos could not run: ${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
});
process.exit();
