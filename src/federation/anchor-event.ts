import type { PublicJwk } from '../kernel/signing-key.ts';
import type { KeyEndReason } from './member-history.ts';

export type BilingualName = { readonly ja: string; readonly en: string };

/** An intermediate's bounds: hosts and codes of whom it may vouch for. A prefecture never speaks for another's cities. */
export type IntermediateBounds = { readonly domains: readonly string[]; readonly codes: readonly string[] };

/**
 * What may happen in an anchor's register, each dated by a day in Japan: a closed list. The texts are as they were
 * given; `applyEvent` judges them, for an event read from the file as for one that is about to be written.
 */
export type AnchorEvent =
  | {
      readonly kind: 'init';
      readonly entityId: string;
      readonly name: BilingualName;
      /** The anchor above, where this register is an intermediate's. */
      readonly parent?: string;
      readonly key: PublicJwk;
    }
  | {
      readonly kind: 'add';
      readonly entityId: string;
      readonly code: string;
      readonly name: BilingualName;
      readonly keys: readonly PublicJwk[];
      readonly from: string;
      readonly to?: string;
      readonly intermediate?: IntermediateBounds;
    }
  | { readonly kind: 'suspend' | 'resume' | 'remove'; readonly entityId: string; readonly on: string }
  | { readonly kind: 'rename'; readonly entityId: string; readonly name: BilingualName; readonly on: string }
  | {
      readonly kind: 'merge';
      readonly entityIds: readonly string[];
      readonly into: string;
      /** The first day on which only the successor is there. */
      readonly on: string;
    }
  | {
      readonly kind: 'move';
      readonly entityId: string;
      readonly to: string;
      readonly on: string;
      /** Those of the new address; the old ones go along where none are given. */
      readonly keys?: readonly PublicJwk[];
    }
  | {
      readonly kind: 'agreement';
      readonly number: number;
      readonly name: BilingualName;
      readonly from: string;
      readonly to?: string;
    }
  | {
      readonly kind: 'mark';
      readonly action: 'issue' | 'renew' | 'withdraw';
      readonly entityId: string;
      readonly agreement: number;
      readonly from?: string;
      /** The last day in force; null takes an agreed end away. */
      readonly to?: string | null;
    }
  | {
      readonly kind: 'member-key';
      readonly entityId: string;
      readonly added?: PublicJwk;
      /** The key that ends; while both stand, either may sign. */
      readonly ended?: { readonly kid: string; readonly reason: KeyEndReason };
    }
  | { readonly kind: 'announce-key'; readonly key: PublicJwk }
  | { readonly kind: 'switch-key' }
  | { readonly kind: 'retire-key'; readonly kid: string; readonly reason: KeyEndReason };

/** As it stands in the register's file. */
export type RecordedEvent = {
  readonly seq: number;
  /** Seconds since the epoch: when it was written down, not when it takes effect. */
  readonly at: number;
  readonly event: AnchorEvent;
};

/** Why a command is not carried out. Facts are what the caller typed or a day; `anchor-words.ts` says what to do. */
export type RegisterFaultCode =
  | 'not_begun'
  | 'begun_otherwise'
  | 'address_malformed'
  | 'code_malformed'
  | 'day_malformed'
  | 'name_malformed'
  | 'keys_malformed'
  | 'domains_malformed'
  | 'number_malformed'
  | 'reason_malformed'
  | 'days_reversed'
  | 'member_unknown'
  | 'member_otherwise'
  | 'code_taken'
  | 'address_taken'
  | 'state_unfit'
  | 'successor_missing'
  | 'merger_too_small'
  | 'agreement_unknown'
  | 'agreement_otherwise'
  | 'mark_missing'
  | 'mark_running'
  | 'key_unknown'
  | 'key_in_use'
  | 'key_last'
  | 'next_key_missing'
  | 'next_key_otherwise'
  | 'host_outside';

export class RegisterFault extends Error {
  readonly code: RegisterFaultCode;
  readonly fact: string;

  constructor(code: RegisterFaultCode, fact = '') {
    super(fact === '' ? code : `${code}: ${fact}`);
    this.name = 'RegisterFault';
    this.code = code;
    this.fact = fact;
  }
}
