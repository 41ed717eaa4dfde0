import { Refusal } from '../kernel/refusal.ts';

export const CHANNELS_OF_CONTACT = ['phone', 'email', 'post'] as const;
export type ContactChannel = (typeof CHANNELS_OF_CONTACT)[number];

/** How one partner may be reached, and how never. A letter or a call at the wrong hour can out somebody. */
export type Contact = {
  /** `none`: nobody writes or calls; the partner comes by themselves. */
  readonly preferred: 'none' | ContactChannel;
  readonly phone?: string | undefined;
  readonly email?: string | undefined;
  /** Where letters go. */
  readonly post?: string | undefined;
  readonly never?: readonly ContactChannel[] | undefined;
  /** `HH:MM` in Japan; calls only from then, and only until then. */
  readonly phoneFrom?: string | undefined;
  readonly phoneUntil?: string | undefined;
  /** The caller gives a private name and not the authority's. */
  readonly sayPersonalName?: boolean | undefined;
  readonly note?: string | undefined;
};

/** Of whom nothing is known: nobody is written to who has not said how. */
export const NO_CONTACT: Contact = { preferred: 'none' };

/**
 * A contact that contradicts itself would be read by each clerk in another way, and one of them would be wrong.
 *
 * @throws Refusal `request_malformed` with the place that does not fit
 */
export function requireConsistent(contact: Contact): void {
  const { preferred, never = [], phoneFrom, phoneUntil } = contact;
  const refuse = (pointer: string, rule: string) => new Refusal('request_malformed', { pointer, rule });
  if (preferred !== 'none') {
    if (never.includes(preferred)) throw refuse('/never', 'excludes_preferred');
    if (contact[preferred] === undefined) throw refuse(`/${preferred}`, 'required');
  }
  if ((phoneFrom !== undefined || phoneUntil !== undefined) && contact.phone === undefined)
    throw refuse('/phone', 'required');
  if (phoneFrom !== undefined && phoneUntil !== undefined && phoneFrom >= phoneUntil)
    throw refuse('/phoneUntil', 'after_phone_from');
}
