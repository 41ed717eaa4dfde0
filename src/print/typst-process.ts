/** The process in which Typst runs. It is told what to do by its parent only, and ends with it. */
import { openTypesetter, type Typesetter } from './typesetter.ts';
import type { FromTypst, ToTypst } from './typst-message.ts';

let typesetter: Promise<Typesetter> | undefined;

process.on('message', (message: ToTypst) => {
  switch (message.kind) {
    case 'fonts':
      typesetter = openTypesetter(message.folders);
      // Without its fonts it is of no use; the parent learns of it by its end.
      typesetter.catch(() => process.exit(1));
      return;
    case 'sheet':
      void typesetter?.then((set) => answer({ number: message.number, outcome: set(message.sheet) }));
      return;
  }
});

process.on('disconnect', () => process.exit(0));
// Ctrl-C goes to the whole group: the parent first finishes what it has begun.
process.on('SIGINT', () => undefined);

function answer(message: FromTypst): void {
  process.send?.(message);
}
