import type { Db, Trx } from '../db/transaction.ts';
import type { AuthorityCode } from '../kernel/authority.ts';
import type { JapanDay } from '../registry/japan-day.ts';
import type { LetterAnswer, WrittenAnswer } from './paper-case.ts';

/** The letter of one case. The fields of the answer are null together, those of a confirmation too. */
export type LetterRow = {
  readonly sentOn: JapanDay;
  readonly answer: LetterAnswer | null;
  readonly answeredOn: JapanDay | null;
  readonly documentNumber: string | null;
  readonly letterSha256: string | null;
  readonly firstOathDate: JapanDay | null;
  readonly firstAuthority: AuthorityCode | null;
  readonly recordedBy: string | null;
};

export async function findLetter(db: Db | Trx, transferId: string): Promise<LetterRow | undefined> {
  const row = await db
    .selectFrom('transfer_letter')
    .select([
      'sent_on',
      'answer',
      'answered_on',
      'document_number',
      'letter_sha256',
      'first_oath_date',
      'first_authority',
      'recorded_by',
    ])
    .where('transfer_id', '=', transferId)
    .executeTakeFirst();
  if (!row) return undefined;
  return {
    sentOn: row.sent_on,
    answer: row.answer,
    answeredOn: row.answered_on,
    documentNumber: row.document_number,
    letterSha256: row.letter_sha256,
    firstOathDate: row.first_oath_date,
    firstAuthority: row.first_authority as AuthorityCode | null,
    recordedBy: row.recorded_by,
  };
}

export async function insertLetter(
  trx: Trx,
  transferId: string,
  { sentOn, sentBy }: { readonly sentOn: JapanDay; readonly sentBy: string },
): Promise<void> {
  await trx
    .insertInto('transfer_letter')
    .values({ transfer_id: transferId, sent_on: sentOn, sent_by: sentBy })
    .execute();
}

/** Writes the answer, or writes it anew: until somebody has decided, a slip of the pen is corrected. */
export async function writeAnswer(
  trx: Trx,
  transferId: string,
  written: WrittenAnswer,
  { by, at }: { readonly by: string; readonly at: Date },
): Promise<void> {
  const isConfirmed = written.answer === 'confirmed';
  await trx
    .updateTable('transfer_letter')
    .set({
      answer: written.answer,
      answered_on: written.answeredOn,
      document_number: written.documentNumber,
      letter_sha256: written.letterSha256,
      first_oath_date: isConfirmed ? written.firstOathDate : null,
      first_authority: isConfirmed ? written.firstAuthority : null,
      recorded_by: by,
      recorded_at: at,
    })
    .where('transfer_id', '=', transferId)
    .execute();
}
