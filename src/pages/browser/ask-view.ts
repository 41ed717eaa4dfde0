import { h, type JSX } from 'preact';
import { spoken } from '../spoken.ts';
import type { PageWords } from '../words.ts';
import type { FaultWord, PageActions } from './page-state.ts';

/** The three ways to hand over a certificate. */
export function askView(words: PageWords, actions: PageActions, fault: FaultWord | undefined): JSX.Element {
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'ask' },
    h('h2', { id: 'ask' }, spoken(words.inputHeading)),
    fault && h('p', { class: 'fault', role: 'alert', id: 'fault' }, spoken(words[fault])),
    h('div', { class: 'ways' }, scanWay(words, actions), fileWay(words, actions)),
    pasteWay(words, actions),
  );
}

function scanWay(words: PageWords, { scan }: PageActions): JSX.Element {
  return h(
    'div',
    { class: 'way' },
    h(
      'button',
      { type: 'button', class: 'button', onClick: scan, 'aria-describedby': 'scan-hint' },
      spoken(words.scan),
    ),
    h('p', { class: 'hint', id: 'scan-hint' }, spoken(words.scanHint)),
  );
}

/** The browser's own button speaks the browser's language, so the label is the button. */
function fileWay(words: PageWords, { open }: PageActions): JSX.Element {
  const take = (files: FileList | null | undefined) => {
    const [file] = files ?? [];
    if (file) open(file);
  };
  return h(
    'div',
    {
      class: 'way drop',
      onDragOver: (event: DragEvent) => event.preventDefault(),
      onDrop: (event: DragEvent) => {
        event.preventDefault();
        take(event.dataTransfer?.files);
      },
    },
    h('input', {
      id: 'file',
      class: 'file',
      type: 'file',
      accept: 'application/pdf,image/*',
      'aria-describedby': 'file-hint',
      onChange: (event: Event) => {
        const input = event.currentTarget as HTMLInputElement;
        take(input.files);
        // The same file may be chosen again.
        input.value = '';
      },
    }),
    h('label', { for: 'file', class: 'button quiet' }, spoken(words.chooseFile)),
    h('p', { class: 'hint', id: 'file-hint' }, spoken(words.fileHint)),
  );
}

function pasteWay(words: PageWords, { check }: PageActions): JSX.Element {
  return h(
    'form',
    {
      class: 'paste',
      onSubmit: (event: SubmitEvent) => {
        event.preventDefault();
        const field = (event.currentTarget as HTMLFormElement).elements.namedItem('certificate');
        check((field as HTMLTextAreaElement).value);
      },
    },
    h('label', { for: 'certificate' }, spoken(words.pasteLabel)),
    h('p', { class: 'hint', id: 'paste-hint' }, spoken(words.pasteHint)),
    h('textarea', {
      id: 'certificate',
      name: 'certificate',
      rows: 3,
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: false,
      'aria-describedby': 'paste-hint',
    }),
    h('button', { type: 'submit', class: 'button' }, spoken(words.check)),
  );
}

export function scanView(words: PageWords, { stopScan }: PageActions): JSX.Element {
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'scan' },
    h('h2', { id: 'scan', tabIndex: -1 }, spoken(words.scanning)),
    h('video', { id: 'camera', class: 'camera', playsInline: true, muted: true }),
    h('button', { type: 'button', class: 'button quiet', onClick: stopScan }, spoken(words.stopScan)),
  );
}
