import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { PrintFault } from './print-fault.ts';
import type { Sheet } from './sheet.ts';
import type { FromTypst, ToTypst } from './typst-message.ts';

/** One process with Typst, which prints one sheet at a time. */
export type Press = {
  readonly pid: number | undefined;
  /** How many sheets it was given. */
  readonly sheets: number;
  /** False once it has ended, or is about to. */
  readonly isAlive: boolean;
  /** @throws PrintFault; after `process_ended` and `time_limit_passed` the press is gone */
  readonly print: (sheet: Sheet, limitMs: number) => Promise<Uint8Array>;
  readonly stop: () => void;
};

const ENTRY = join(import.meta.dirname, 'typst-process.ts');

export function startPress(fontFolders: readonly string[]): Press {
  const child = fork(ENTRY, [], {
    // Neither this process's secrets nor its way to the log: Typst's complaints quote what they complain of.
    env: {},
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    // Structured clones: bytes stay bytes.
    serialization: 'advanced',
  });
  let isAlive = true;
  let sheets = 0;
  const tell = (message: ToTypst) => void child.send(message, () => undefined);
  const stop = () => {
    isAlive = false;
    child.kill('SIGKILL');
  };
  child.on('exit', () => {
    isAlive = false;
  });
  child.on('error', stop);
  tell({ kind: 'fonts', folders: fontFolders });
  rest(child);
  return {
    pid: child.pid,
    get sheets() {
      return sheets;
    },
    get isAlive() {
      return isAlive;
    },
    stop,
    async print(sheet, limitMs) {
      sheets += 1;
      const number = sheets;
      if (!isAlive) throw new PrintFault('process_ended');
      child.ref();
      child.channel?.ref();
      try {
        const answered = answerTo(child, number, limitMs);
        tell({ kind: 'sheet', number, sheet });
        return await answered;
      } catch (error) {
        if (error instanceof PrintFault && error.code === 'time_limit_passed') stop();
        throw error;
      } finally {
        rest(child);
      }
    },
  };
}

/** A press without work keeps nobody from going home. */
function rest(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
}

function answerTo(child: ChildProcess, number: number, limitMs: number): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const onEnd = () => reject(new PrintFault('process_ended'));
  const onMessage = (message: unknown) => {
    const { number: answered, outcome } = message as FromTypst;
    if (answered !== number) return;
    if ('printed' in outcome) resolve(outcome.printed);
    else reject(new PrintFault(outcome.fault, outcome.fields));
  };
  const limit = setTimeout(() => reject(new PrintFault('time_limit_passed')), limitMs);
  child.on('message', onMessage);
  child.once('exit', onEnd);
  child.once('error', onEnd);
  return promise.finally(() => {
    clearTimeout(limit);
    child.off('message', onMessage);
    child.off('exit', onEnd);
    child.off('error', onEnd);
  });
}
