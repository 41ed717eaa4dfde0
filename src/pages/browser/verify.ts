import { h, type JSX, render } from 'preact';
import { isEverydayName } from '../../print/everyday-name.ts';
import { isPageLanguage, LANGUAGE_TAGS } from '../page-language.ts';
import { spoken } from '../spoken.ts';
import { WORDS } from '../words.ts';
import { askView, scanView } from './ask-view.ts';
import { checkText, cleaned } from './check-text.ts';
import { keepForOffline } from './keep-for-offline.ts';
import { fetchNamePictures, fetchTrustBundle } from './node-client.ts';
import type { PageActions, PageState } from './page-state.ts';
import { readFile } from './read-file.ts';
import { resultView } from './result-view.ts';
import { scanCamera } from './scan-camera.ts';
import { shownNames } from './shown-item.ts';

const root = document.getElementById('app') as HTMLElement;
const { language = 'ja' } = root.dataset;
const tongue = isPageLanguage(language) ? language : 'ja';
const words = WORDS[tongue];

let scanning = new AbortController();
/** Counts what was begun: an answer to what has been cleared in the meantime is dropped. */
let turn = 0;
let addresses: string[] = [];

const actions: PageActions = {
  check: (text) => void check(text),
  open: (file) => void open(file),
  scan: () => void scan(),
  stopScan: () => actions.clear(),
  clear() {
    begin({ kind: 'asking' });
    focus('button, textarea');
  },
};

/** Leaves nothing of what was before: no camera that runs, no picture, no text. */
function begin(state: PageState): number {
  turn += 1;
  scanning.abort();
  for (const address of addresses) URL.revokeObjectURL(address);
  addresses = [];
  // A form that is built anew has nothing in it.
  render(null, root);
  show(state);
  return turn;
}

function show(state: PageState): void {
  render(view(state), root);
}

function view(state: PageState): JSX.Element {
  switch (state.kind) {
    case 'asking':
      return askView(words, actions, state.fault);
    case 'scanning':
      return scanView(words, actions);
    case 'checking':
      return h('p', { class: 'card waiting', role: 'status' }, spoken(words.checking));
    case 'told':
      return resultView(state.told, {
        words,
        tag: LANGUAGE_TAGS[tongue],
        clear: actions.clear,
        inEnglish: tongue === 'en',
      });
  }
}

async function check(given: string): Promise<void> {
  const text = cleaned(given);
  const mine = begin({ kind: 'checking' });
  const result = await checkText(text);
  if (mine !== turn) return;
  if ('fault' in result) {
    begin({ kind: 'asking', fault: result.fault });
    focus('textarea');
    return;
  }
  const needsPictures = shownNames(result.verification.claims ?? {}).some(
    ({ name }) => !isEverydayName(name),
  );
  const isDrawn = needsPictures && !result.offline;
  show({ kind: 'told', told: { ...result, pictures: isDrawn ? undefined : new Map() } });
  focus('#result');
  if (isDrawn) {
    const drawn = await fetchNamePictures(text);
    if (mine !== turn) return;
    const pictures = new Map(drawn.map(({ pointer, svg }) => [pointer, addressOf(svg)]));
    show({ kind: 'told', told: { ...result, pictures } });
  }
}

/** As a picture an SVG can run nothing and load nothing. */
function addressOf(svg: string): string {
  const address = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  addresses.push(address);
  return address;
}

async function open(file: Blob): Promise<void> {
  const mine = begin({ kind: 'checking' });
  const read = await readFile(file);
  if (mine !== turn) return;
  if ('text' in read) return check(read.text);
  begin({ kind: 'asking', fault: read.fault });
  focus('input');
}

async function scan(): Promise<void> {
  const mine = begin({ kind: 'scanning' });
  scanning = new AbortController();
  focus('#scan');
  try {
    const text = await scanCamera(document.getElementById('camera') as HTMLVideoElement, scanning.signal);
    if (mine === turn && text !== undefined) await check(text);
  } catch {
    if (mine !== turn) return;
    begin({ kind: 'asking', fault: 'fault_camera' });
    focus('button');
  }
}

function focus(selector: string): void {
  root.querySelector<HTMLElement>(selector)?.focus();
}

/** Takes the token out of the address at once, so that neither history nor a shared screen keeps it. */
function takeFragment(): string {
  const fragment = location.hash.slice(1);
  if (fragment !== '') history.replaceState(null, '', location.pathname);
  return fragment;
}

function start(): void {
  const token = takeFragment();
  if (token === '') begin({ kind: 'asking' });
  else void check(token);
}

addEventListener('hashchange', () => {
  const token = takeFragment();
  if (token !== '') void check(token);
});
// A page that comes back from the browser's memory must not show the one before.
addEventListener('pageshow', (event) => {
  if (event.persisted) begin({ kind: 'asking' });
});
start();
// So that the worker has what is known now, and not what was known when it was installed.
void keepForOffline().then(() => fetchTrustBundle());
