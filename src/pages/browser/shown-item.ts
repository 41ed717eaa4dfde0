import type { CertificateClaims } from '../../certificate/certificate-content.ts';
import type { PageWords } from '../words.ts';

export type ShownName = { readonly pointer: string; readonly name: string };

/** The names that a certificate discloses, by their place among its claims. */
export function shownNames(claims: Partial<CertificateClaims>): readonly ShownName[] {
  return shownItems(claims).flatMap((item) => (item.kind === 'name' ? [item] : []));
}

export type ShownItem = { readonly label: ItemWord } & (
  | (ShownName & { readonly kind: 'name'; readonly relation?: string })
  | { readonly kind: 'day'; readonly day: string }
  | { readonly kind: 'text'; readonly text: string }
);
type ItemWord = Extract<keyof PageWords, `claim_${string}`>;

/** What a certificate discloses, in the order of the paper. The continuity is told by what it proves. */
export function shownItems(claims: Partial<CertificateClaims>): readonly ShownItem[] {
  const { first_authority, authority, certificate_number, family_members = [] } = claims;
  return [
    ...nameItem('registered_name', claims.registered_name),
    ...nameItem('alias_name', claims.alias_name),
    ...dayItem('birth_date', claims.birth_date),
    ...nameItem('partner_name', claims.partner_name),
    ...dayItem('oath_date', claims.oath_date),
    ...dayItem('first_oath_date', claims.first_oath_date),
    ...textItem('first_authority', first_authority?.name),
    ...textItem('authority', authority?.name),
    ...textItem('certificate_number', certificate_number),
    ...family_members.flatMap(({ name, relation, birth_date }, at): ShownItem[] => [
      {
        label: 'claim_family_members',
        kind: 'name',
        pointer: `/family_members/${at}/name`,
        name,
        ...(relation === undefined ? {} : { relation }),
      },
      ...dayItem('birth_date', birth_date),
    ]),
  ];
}

type NameClaim = 'registered_name' | 'alias_name' | 'partner_name';
type DayClaim = 'birth_date' | 'oath_date' | 'first_oath_date';
type TextClaim = 'first_authority' | 'authority' | 'certificate_number';

function nameItem(claim: NameClaim, name: string | undefined): ShownItem[] {
  return name === undefined ? [] : [{ label: `claim_${claim}`, kind: 'name', pointer: `/${claim}`, name }];
}

function dayItem(claim: DayClaim, day: string | undefined): ShownItem[] {
  return day === undefined ? [] : [{ label: `claim_${claim}`, kind: 'day', day }];
}

function textItem(claim: TextClaim, text: string | undefined): ShownItem[] {
  return text === undefined ? [] : [{ label: `claim_${claim}`, kind: 'text', text }];
}
