import { Refusal } from '../kernel/refusal.ts';
import type { PartnerPosition } from '../kernel/role.ts';
import { type Body, dayLine, line } from './document.ts';
import { nameOf, type ProcedureFacts, partnerOf, shownFilers } from './document-facts.ts';
import { NEUTRAL_TITLE, NOTICE_WORDING, REASON_WORDS } from './document-words.ts';
import { noticeTo, ruleOf } from './procedure.ts';

const CLOSING = 'ご不明な点は、窓口でお渡しした連絡先へお尋ねください。';

/**
 * The letter to whoever filed. It names neither the scheme nor the matter: it may be opened by somebody else in the
 * house. To both it is written without a name, because two names in one address tell of two people.
 */
export function noticeDocument(facts: ProcedureFacts): Body {
  const { procedure } = facts;
  const { state, reasons, filedBy } = procedure;
  const [filer] = filedBy === 'both' ? [] : shownFilers(facts);
  const isAwaited = state === 'draft' || state === 'correction';
  return {
    title: NEUTRAL_TITLE,
    addressee: filer && addresseeOf(facts, filer),
    sections: [
      {
        heading: 'お手続き',
        lines: [
          ...line('受付番号', procedure.id),
          ...dayLine('受付日', procedure.openedOn),
          ...(isAwaited ? dayLine('期限', procedure.dueOn) : []),
        ],
      },
      {
        heading: 'ご確認いただきたいこと',
        lines:
          state === 'correction' || state === 'declined'
            ? reasons.flatMap((code) => line('確認', REASON_WORDS[code], { code }))
            : [],
      },
    ],
    wording: [NOTICE_WORDING[state], CLOSING],
  };
}

/**
 * The letter to the partner who did not file, once it has been carried out: only what changes for that partner. It says
 * nothing of the one who filed, and where that one is protected it tells of no day either, because what happened on
 * which day may lead to them.
 *
 * @throws Refusal `record_not_found` where nobody else is written to, `procedure_state_conflict` before it is done
 */
export function noticeToPartnerDocument(facts: ProcedureFacts): Body {
  const { procedure, isProtected, registration } = facts;
  const to = noticeTo(procedure.kind, procedure.filedBy);
  if (to.length === 0) throw new Refusal('record_not_found', {});
  if (procedure.state !== 'done')
    throw new Refusal('procedure_state_conflict', { state: procedure.state, allowed: ['done'] });
  const [partner] = to.length === 1 ? to : [];
  const anyProtected = isProtected.first || isProtected.second;
  const ends = ruleOf(procedure.kind).registration === 'ends';
  return {
    title: NEUTRAL_TITLE,
    addressee: partner && addresseeOf(facts, partner),
    sections: [
      {
        heading: 'お手続き',
        lines: anyProtected || !ends ? [] : dayLine('終了した日', registration?.endedOn),
      },
    ],
    wording: [...partnerWording(facts, ends), CLOSING],
  };
}

function partnerWording({ procedure }: ProcedureFacts, ends: boolean): readonly string[] {
  if (!ends)
    return [
      'お手元の書類に関わる手続きがありました。',
      '書類の作り直しが必要な場合は、窓口でお渡しします。それまでは今の書類をお使いいただけます。',
    ];
  return [
    'お手元の書類に関わる手続きが終わり、今の書類は使えなくなりました。',
    ...(ruleOf(procedure.kind).returnDemanded ? ['お手元の書類は、窓口へお返しください。'] : []),
  ];
}

/** A protected partner's name stands on no letter: it may lie where the other one sees it. */
function addresseeOf(facts: ProcedureFacts, position: PartnerPosition): string | undefined {
  if (facts.isProtected[position]) return undefined;
  const name = nameOf(partnerOf(facts, position));
  return name === undefined ? undefined : `${name} 様`;
}
