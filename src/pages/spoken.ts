import { Fragment, h, type JSX } from 'preact';

const READING = /\{([^|{}]+)\|([^|{}]+)\}/;

/** Words as elements: `{漢字|かんじ}` becomes a ruby, in brackets where a browser knows none. */
export function spoken(words: string): JSX.Element {
  const parts = words.split(/(\{[^|{}]+\|[^|{}]+\})/).filter((part) => part !== '');
  return h(
    Fragment,
    null,
    parts.map((part) => {
      const [, base, reading] = READING.exec(part) ?? [];
      if (base === undefined || reading === undefined) return part;
      return h('ruby', null, base, h('rp', null, '（'), h('rt', null, reading), h('rp', null, '）'));
    }),
  );
}
