import { Refusal } from '../kernel/refusal.ts';
import { POSITIONS } from '../kernel/role.ts';
import { type Body, dayLine, line } from './document.ts';
import { at, oneAt } from './document-content.ts';
import { nameOf, type ProcedureFacts } from './document-facts.ts';
import { placeName } from './document-lines.ts';

/**
 * That an oath was registered, and until when (那覇市の事実証明書): neither why it ended nor anything of the other partner,
 * unless the one it is for wishes so and nobody is protected.
 *
 * @throws Refusal `record_not_found` for any other procedure, or where the data were erased;
 *   `procedure_state_conflict` before it was submitted
 */
export function factDocument(facts: ProcedureFacts): Body {
  const { procedure, content, registration, partners, isProtected, book } = facts;
  const position = oneAt(POSITIONS, content, 'forPosition');
  if (procedure.kind !== 'certificate_of_fact' || content === undefined || !registration || !partners)
    throw new Refusal('record_not_found', {});
  const allowed = ['submitted', 'done'];
  if (!allowed.includes(procedure.state) || position === undefined)
    throw new Refusal('procedure_state_conflict', { state: procedure.state, allowed });
  const other = position === 'first' ? 'second' : 'first';
  const showPartner = at(content, 'showPartner') === true && !isProtected[other] && !isProtected[position];
  const continued = registration.firstOathDate !== registration.oathDate;
  return {
    title: '事実証明書',
    form: 'certificate_of_fact',
    sections: [
      {
        heading: '証明を受ける方',
        lines: [
          ...line('氏名', partners[position].registeredName),
          ...line('通称名', partners[position].alias?.name),
          ...dayLine('生年月日', partners[position].birthDate),
        ],
      },
      {
        heading: '登録',
        lines: [
          ...dayLine('宣誓が登録された日', registration.oathDate),
          ...(continued ? dayLine('最初に宣誓した日', registration.firstOathDate) : []),
          ...(continued ? line('最初に宣誓した自治体', placeName(book, registration.firstAuthority)) : []),
          ...dayLine('登録が終わった日', registration.endedOn),
        ],
      },
      { heading: 'パートナー', lines: showPartner ? line('氏名', nameOf(partners[other])) : [] },
    ],
    wording: [
      registration.endedOn === null
        ? '上記の宣誓が登録されていることを証明します。'
        : '上記の期間、宣誓が登録されていたことを証明します。',
      'この書面を示された方へ：ご本人の承諾なく、内容をほかの方に伝えないでください。',
    ],
  };
}
