import { h, type JSX } from 'preact';
import { renderToString } from 'preact-render-to-string';
import {
  LANGUAGE_NAMES,
  LANGUAGE_TAGS,
  PAGE_LANGUAGES,
  PAGE_PATHS,
  type PageLanguage,
} from './page-language.ts';
import { spoken } from './spoken.ts';
import { WORDS, withoutReadings } from './words.ts';

/** Who provides the page, and where its code stands. */
export type PageFacts = {
  readonly provider: { readonly ja: string; readonly en: string };
  /** Of the provider, as its rules name it. */
  readonly contact: string;
  readonly verificationAddress: string;
  /** Address of the folder with code and style. */
  readonly code: string;
};

/** The verification page before anything is checked: the same for everybody, so it can be kept and shown offline. */
export function verifyPage(language: PageLanguage, facts: PageFacts): string {
  return `<!DOCTYPE html>${renderToString(html(language, facts))}`;
}

function html(language: PageLanguage, facts: PageFacts): JSX.Element {
  const words = WORDS[language];
  return h(
    'html',
    { lang: LANGUAGE_TAGS[language] },
    h(
      'head',
      null,
      h('meta', { charset: 'utf-8' }),
      h('title', null, withoutReadings(words.title)),
      h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      h('meta', { name: 'referrer', content: 'no-referrer' }),
      h('meta', { name: 'robots', content: 'noindex' }),
      h('meta', { name: 'color-scheme', content: 'light' }),
      h('link', { rel: 'icon', href: 'data:,' }),
      h('link', { rel: 'stylesheet', href: `${facts.code}/tokens.css` }),
      h('link', { rel: 'stylesheet', href: `${facts.code}/verify.css` }),
      h('script', { type: 'module', src: `${facts.code}/pages/browser/verify.js` }),
    ),
    h('body', null, header(language, facts), main(language, facts), footer(language, facts)),
  );
}

function header(language: PageLanguage, { provider }: PageFacts): JSX.Element {
  const words = WORDS[language];
  return h(
    'header',
    { class: 'top' },
    h('p', { class: 'provider' }, language === 'en' ? provider.en : provider.ja),
    h(
      'nav',
      { 'aria-label': withoutReadings(words.languages) },
      h(
        'ul',
        { class: 'languages' },
        PAGE_LANGUAGES.map((each) =>
          h(
            'li',
            { key: each },
            h(
              'a',
              {
                href: PAGE_PATHS[each],
                lang: LANGUAGE_TAGS[each],
                ...(each === language ? { 'aria-current': 'page' as const } : {}),
              },
              LANGUAGE_NAMES[each],
            ),
          ),
        ),
      ),
    ),
  );
}

function main(language: PageLanguage, facts: PageFacts): JSX.Element {
  const words = WORDS[language];
  return h(
    'main',
    null,
    h('h1', null, spoken(words.title)),
    h('p', { class: 'lead' }, spoken(words.lead)),
    h('div', { id: 'app', 'data-language': language }),
    h(
      'noscript',
      null,
      h(
        'section',
        { class: 'card' },
        h('h2', null, spoken(words.noScriptHeading)),
        h('p', null, spoken(words.noScriptText)),
        h('p', null, h('code', null, `POST ${facts.verificationAddress}`)),
        h('p', null, spoken(words.noScriptCounter), ': ', h('span', { lang: 'ja' }, facts.contact)),
      ),
    ),
  );
}

function footer(language: PageLanguage, { provider }: PageFacts): JSX.Element {
  const words = WORDS[language];
  return h(
    'footer',
    null,
    h('p', null, spoken(words.privacy)),
    h('p', null, spoken(words.servedBy), ': ', language === 'en' ? provider.en : provider.ja),
  );
}
