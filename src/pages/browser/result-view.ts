import { Fragment, h, type JSX } from 'preact';
import type { ToldAuthority, ToldVerification } from '../../certificate/told-verification.ts';
import { isEverydayName } from '../../print/everyday-name.ts';
import { spoken } from '../spoken.ts';
import { type PageWords, withoutReadings } from '../words.ts';
import type { Told } from './page-state.ts';
import { type ShownItem, shownItems, shownNames } from './shown-item.ts';
import { tellDay, tellDayOf, tellTime } from './told-time.ts';

export type ResultOptions = {
  readonly words: PageWords;
  /** Language tag for dates. */
  readonly tag: string;
  readonly inEnglish: boolean;
  readonly clear: () => void;
};

/** The verdict in words, sign and colour; then each check, what it rests on, what is disclosed, and what it does not say. */
export function resultView(told: Told, options: ResultOptions): JSX.Element {
  const { words, clear } = options;
  return h(
    Fragment,
    null,
    verdictPart(told, options),
    told.verification.verdict === 'valid' && contentPart(told, options),
    limitsPart(words),
    checksPart(told, options),
    h(
      'p',
      { class: 'again' },
      h('button', { type: 'button', class: 'button', onClick: clear }, spoken(words.again)),
      h('span', { class: 'hint' }, spoken(words.againHint)),
    ),
  );
}

/** Drawn, because fonts differ in what they have: a tick, a cross, a question mark. */
const SIGNS = {
  valid: 'M6 17l7 7L27 9',
  invalid: 'M8 8l16 16M24 8L8 24',
  undetermined: 'M11 11a5 5 0 1 1 7 5c-2 1-2 2-2 4M16 25v.2',
} as const;

function verdictPart(
  { verification, statusAsOf, offline }: Told,
  { words, tag }: ResultOptions,
): JSX.Element {
  const { verdict } = verification;
  const asOf = statusAsOf === undefined ? undefined : tellTime(statusAsOf, tag);
  return h(
    'section',
    { class: `card verdict ${verdict}`, 'aria-labelledby': 'result' },
    h(
      'h2',
      { id: 'result', tabIndex: -1 },
      h('span', { class: 'small' }, spoken(words.resultHeading)),
      h(
        'span',
        { class: 'word' },
        h(
          'svg',
          { viewBox: '0 0 32 32', width: 44, height: 44, 'aria-hidden': 'true', focusable: 'false' },
          h('path', { d: SIGNS[verdict] }),
        ),
        h('span', null, spoken(words[verdict])),
      ),
    ),
    h('p', null, spoken(words[`${verdict}Text`])),
    (asOf !== undefined || offline) &&
      h(
        'p',
        { class: 'basis' },
        spoken(words.statusAsOf),
        ' ',
        asOf ?? spoken(words.unknownTime),
        '（',
        spoken(offline ? words.offline : words.online),
        '）',
      ),
    offline && h('p', { class: 'note' }, spoken(words.offlineText)),
    verification.basedOn?.outdated && h('p', { class: 'note' }, spoken(words.outdated)),
  );
}

function contentPart({ verification, pictures }: Told, options: ResultOptions): JSX.Element {
  const { words, tag, inEnglish } = options;
  const { issuer, answersNow, issuedAt, expiresAt, claims = {}, kind, continuity } = verification;
  const items = shownItems(claims);
  const rare = shownNames(claims).filter(({ name }) => !isEverydayName(name));
  const areDrawn = pictures !== undefined && rare.some(({ pointer }) => pictures.has(pointer));
  const notDrawn = pictures !== undefined && rare.some(({ pointer }) => !pictures.has(pointer));
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'content' },
    h('h2', { id: 'content' }, spoken(words.issuerHeading)),
    h(
      'dl',
      { class: 'items' },
      issuer && row(words.issuer, authorityName(issuer, inEnglish)),
      answersNow && row(words.answersNow, authorityName(answersNow, inEnglish)),
      issuedAt && row(words.issuedAt, tellDayOf(issuedAt, tag)),
      expiresAt && row(words.expiresAt, tellDayOf(expiresAt, tag)),
      items.map((item) => row(words[item.label], valueFor(item, options, pictures))),
      continuity &&
        continuity.outcome !== 'not_shown' &&
        row(words.continuity, spoken(words[`continuity_${continuity.outcome}`])),
    ),
    kind === 'paper' && h('p', { class: 'note' }, spoken(words.paperNote)),
    kind === 'sd-jwt-vc' && items.length === 0 && h('p', { class: 'note' }, spoken(words.nothingShown)),
    areDrawn && h('p', { class: 'hint' }, spoken(words.pictureNote)),
    notDrawn && h('p', { class: 'note' }, spoken(words.pictureMissing)),
  );
}

function authorityName({ name }: ToldAuthority, inEnglish: boolean): JSX.Element {
  return inEnglish ? h('span', { lang: 'en' }, name.en) : h('span', { lang: 'ja' }, name.ja);
}

function row(label: string, value: JSX.Element | string): JSX.Element {
  return h('div', null, h('dt', null, spoken(label)), h('dd', null, value));
}

function valueFor(
  item: ShownItem,
  { words, tag }: ResultOptions,
  pictures: ReadonlyMap<string, string> | undefined,
): JSX.Element | string {
  switch (item.kind) {
    case 'day':
      return tellDay(item.day, tag);
    case 'text':
      return h('span', { lang: 'ja' }, item.text);
    case 'name':
      return nameValue(item, words, pictures?.get(item.pointer));
  }
}

/** A name is always there as text, code point by code point, and in Japanese, so that no browser takes a Chinese font. */
function nameValue(
  { name, pointer, relation }: Extract<ShownItem, { kind: 'name' }>,
  words: PageWords,
  picture: string | undefined,
): JSX.Element {
  const kinship = relation === undefined ? undefined : words[`relation_${relation}` as keyof PageWords];
  const text = h('bdi', { lang: 'ja', class: 'name', 'data-pointer': pointer }, name);
  return h(
    Fragment,
    null,
    picture === undefined
      ? text
      : h(
          Fragment,
          null,
          h('img', {
            class: 'drawn',
            src: picture,
            alt: withoutReadings(words.pictureOf),
            'data-pointer': pointer,
          }),
          h('span', { class: 'as-text' }, spoken(words.pictureText), ': ', text),
        ),
    kinship !== undefined && h('span', { class: 'kinship' }, '（', spoken(kinship), '）'),
  );
}

function limitsPart(words: PageWords): JSX.Element {
  const limits = [words.limit_identity, words.limit_legal, words.limit_privacy];
  return h(
    'section',
    { class: 'card limits', 'aria-labelledby': 'limits' },
    h('h2', { id: 'limits' }, spoken(words.limitsHeading)),
    h(
      'ul',
      null,
      limits.map((limit) => h('li', null, spoken(limit))),
    ),
  );
}

function checksPart({ verification, offline, statusAsOf }: Told, { words, tag }: ResultOptions): JSX.Element {
  const { checks, basedOn } = verification;
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'checks' },
    h('h2', { id: 'checks' }, spoken(words.checksHeading)),
    h(
      'ol',
      { class: 'checks' },
      checks.map((each) => checkLine(each, words)),
    ),
    basedOn && h('h3', null, spoken(words.basisHeading)),
    basedOn &&
      h(
        'p',
        { class: 'hint' },
        statusAsOf !== undefined && [spoken(words.statusAsOf), ' ', tellTime(statusAsOf, tag), h('br', null)],
        spoken(words.trustAsOf),
        ' ',
        tellTime(basedOn.trustVerifiedAt, tag),
        '（',
        spoken(offline ? words.offline : words.online),
        '）',
      ),
  );
}

const MARKS = { passed: '✓', failed: '×', undetermined: '?', not_checked: '–', not_applicable: '–' } as const;

function checkLine({ check, outcome }: ToldVerification['checks'][number], words: PageWords): JSX.Element {
  return h(
    'li',
    { class: outcome, 'data-check': check, 'data-outcome': outcome },
    h('span', { class: 'mark', 'aria-hidden': 'true' }, MARKS[outcome]),
    h('span', { class: 'what' }, spoken(words[`check_${check}`])),
    h('span', { class: 'came' }, spoken(words[`outcome_${outcome}`])),
  );
}
