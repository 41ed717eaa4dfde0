import type { EntityId } from '../kernel/authority.ts';
import type { JsonObject } from '../kernel/strict-json.ts';
import { CLAIM_NAMES, CLAIM_RULES, type ClaimName } from './certificate-content.ts';

/** Path of the type, with its version: a shape that old readers would misread gets a new number. */
export function certificateVct(entityId: EntityId): string {
  return `${entityId}/vct/partnership-oath/1`;
}

type Words = { readonly ja: string; readonly en: string };

/**
 * What the certificate is and what it is not, for the wallet's screen. Said plainly, and without making the oath
 * smaller: the law gives it no effect, which is a fact about the law.
 */
const MEANING: Words = {
  ja: [
    'お二人が、互いを人生のパートナーとする宣誓をされたことを、自治体が証するものです。',
    'この制度は法律上の婚姻とは異なり、この証明によって法的な権利や義務が生じることはありません。',
    '連携する自治体の間では、転居の後も手続きを簡略にして継続することができます。',
  ].join(''),
  en: [
    'A local authority confirms that two people have sworn to be each other’s partners in life.',
    'The oath is not a marriage in law, and this certificate has no legal effect: it creates no rights or duties.',
    'Authorities in the mutual-recognition agreement let a couple who move continue their registration.',
  ].join(' '),
};

const NAME: Words = { ja: 'パートナーシップ宣誓書受領証', en: 'Certificate of a partnership oath' };

const LABELS: { readonly [Name in ClaimName]: Words } = {
  registered_name: { ja: '氏名', en: 'Registered name' },
  alias_name: { ja: '通称名', en: 'Name in use' },
  birth_date: { ja: '生年月日', en: 'Date of birth' },
  partner_name: { ja: 'パートナーの氏名', en: 'Partner’s name' },
  oath_date: { ja: '宣誓日', en: 'Date of the oath' },
  first_oath_date: { ja: '最初の宣誓日', en: 'Date of the first oath' },
  first_authority: { ja: '最初に宣誓した自治体', en: 'Authority of the first oath' },
  authority: { ja: '発行自治体', en: 'Issuing authority' },
  certificate_number: { ja: '受領証番号', en: 'Certificate number' },
  family_members: { ja: '届け出られたご家族', en: 'Family members' },
  continuity: {
    ja: '継続の証明（これまでの自治体の署名）',
    en: 'Proof of continuity, signed by the authorities so far',
  },
};

/**
 * Type metadata served at the `vct` address itself (draft-ietf-oauth-sd-jwt-vc-25 §6). The authority's type extends the
 * network's base type, so that a verifier anywhere knows what it has before it.
 */
export function typeMetadata(
  entityId: EntityId,
  authorityName: Words,
  base: { readonly vct: string; readonly integrity?: string },
): JsonObject {
  return {
    ...metadata(certificateVct(entityId), (locale) => {
      const name = authorityName[locale];
      return locale === 'ja' ? `${name} ${NAME.ja}` : `${NAME.en} (${name})`;
    }),
    extends: base.vct,
    ...(base.integrity && { 'extends#integrity': base.integrity }),
  };
}

/** The network's base type, served by whoever owns its address. */
export function baseTypeMetadata(vct: string): JsonObject {
  return metadata(vct, (locale) => NAME[locale]);
}

function metadata(vct: string, nameIn: (locale: keyof Words) => string): JsonObject {
  return {
    vct,
    name: nameIn('en'),
    description: MEANING.en,
    display: [
      { locale: 'ja', name: nameIn('ja'), description: MEANING.ja },
      { locale: 'en', name: nameIn('en'), description: MEANING.en },
    ],
    claims: CLAIM_NAMES.map((name) => ({
      path: [name],
      display: [
        { locale: 'ja', label: LABELS[name].ja },
        { locale: 'en', label: LABELS[name].en },
      ],
      mandatory: CLAIM_RULES[name].mandatory,
      sd: 'always',
    })),
  };
}
