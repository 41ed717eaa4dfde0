import type { NotReadyCause } from '../kernel/refusal.ts';
import { caseAdvice } from '../transfer/case-advice.ts';
import type { ProblemWords } from './problem.ts';
import { ruleWords } from './rule-words.ts';

const NOT_READY_WORDS: Readonly<Record<NotReadyCause, string>> = {
  database: 'the database (database)',
  own_trust_chain: 'this authority’s own place in the network, with its agreement (own_trust_chain)',
  own_status_list: 'this authority’s own status list (own_status_list)',
  print_shop: 'what makes PDF files (print_shop)',
  closing: 'a process that is not just ending (closing)',
  presentation_key_missing: 'the key to ask wallets with (presentation_key_missing)',
  origin_not_known: 'what is known of the origin (origin_not_known)',
  import_running: 'the end of another import (import_running)',
};

const listed = (list: readonly string[]) => list.join(', ');

/** Problems in English: what is wrong, and what to do. */
export const PROBLEM_WORDS_EN: ProblemWords = {
  request_malformed: (fault) => ({
    title: 'The request does not have the agreed form',
    wrong: `${fault.pointer === '' ? 'The request' : `“${fault.pointer}”`} ${ruleWords(fault, 'en')}.`,
    toDo: 'Correct it and send the request again.',
  }),
  request_too_large: ({ limitBytes }) => ({
    title: 'The request is too large',
    wrong: `This operation takes at most ${limitBytes} bytes.`,
    toDo: 'Send less, or send it in parts.',
  }),
  request_too_slow: () => ({
    title: 'The request took too long to arrive',
    wrong: 'The request was not complete within the time allowed.',
    toDo: 'Check the connection and send it again.',
  }),
  media_type_unsupported: ({ accepted }) => ({
    title: 'This media type is not taken',
    wrong: `The Content-Type (UTF-8 only, no content coding) is not one of: ${listed(accepted)}.`,
    toDo: 'Send the body in one of these types and name it in Content-Type.',
  }),
  representation_unavailable: ({ offered }) => ({
    title: 'There is no answer in the form asked for',
    wrong: `This operation answers only in: ${listed(offered)}.`,
    toDo: 'Name one of these in Accept.',
  }),
  route_not_found: () => ({
    title: 'There is nothing at this address',
    wrong: 'The address belongs to no page and no operation.',
    toDo: 'Check the address; all operations stand in openapi.yaml.',
  }),
  method_not_allowed: ({ allowed }) => ({
    title: 'This method cannot be used here',
    wrong: `The address answers only: ${listed(allowed)}.`,
    toDo: 'Use one of these methods.',
  }),
  too_many_requests: ({ retryAfterSeconds }) => ({
    title: 'Too many attempts',
    wrong: 'There were too many attempts in a short time.',
    toDo: `Wait ${retryAfterSeconds} seconds, then try again.`,
  }),
  session_missing: () => ({
    title: 'You need to log in',
    wrong: 'This operation needs a session, and none was sent.',
    toDo: 'Log in and send the session as Authorization: Bearer.',
  }),
  session_invalid: () => ({
    title: 'The session has expired or is not valid',
    wrong: 'The session could not be confirmed.',
    toDo: 'Log in again.',
  }),
  role_insufficient: ({ roles }) => ({
    title: 'You are not allowed to do this',
    wrong: `This operation is for: ${listed(roles)}.`,
    toDo: 'Ask somebody with that role, or log in with it.',
  }),
  login_code_invalid: () => ({
    title: 'The log-in code is not valid',
    wrong: 'The code is wrong, was used before, or has expired.',
    toDo: 'Check what you typed; if it does not work, ask for a new code at the counter.',
  }),
  record_not_found: () => ({
    title: 'The record was not found',
    wrong: 'There is no such record, or it is not yours to see.',
    toDo: 'Check the number.',
  }),
  idempotency_key_missing: () => ({
    title: 'An Idempotency-Key is needed',
    wrong: 'This operation needs an Idempotency-Key header of 8 to 128 visible ASCII characters.',
    toDo: 'Make a new one for each new command, and use the same one to repeat a command.',
  }),
  idempotency_key_reused: () => ({
    title: 'The Idempotency-Key was used for something else',
    wrong: 'This key came before with another content.',
    toDo: 'Use a new key for a new command.',
  }),
  requirements_unmet: () => ({
    title: 'Requirements are not met',
    wrong:
      'Of the requirements in force on the day of the oath some are not met or cannot be confirmed (unmet). Nothing was registered.',
    toDo: 'For each of them bring the documents or take the steps that are named.',
  }),
  rules_not_in_force: ({ on }) => ({
    title: 'No rules are in force on that day',
    wrong: `On ${on} the scheme of this authority had not begun, or had ended.`,
    toDo: 'Check the date.',
  }),
  already_registered: () => ({
    title: 'The oath cannot be registered',
    wrong: 'There is a registration in force already.',
    toDo: 'Look at the existing registration; once it has ended, a new one is possible.',
  }),
  residence_not_proven: () => ({
    title: 'The move has not been shown yet',
    wrong: 'The move that was planned when the oath was sworn has not been confirmed.',
    toDo: 'See a document with the new address and carry out the proof of residence first.',
  }),
  my_number_suspected: ({ pointer }) => ({
    title: 'A number of twelve digits cannot be recorded',
    wrong: `“${pointer}” holds a number of twelve digits. Individual Numbers (My Number) are neither asked for nor kept here.`,
    toDo: 'Take the number out and send it again. Of papers that show it, use a copy with the number covered.',
  }),
  consent_of_child_missing: ({ pointer }) => ({
    title: 'The consent of a family member is missing',
    wrong: `No consent is recorded for “${pointer}”. From the age that the scheme sets (mostly fifteen) they sign themselves; for a younger child a parent consents.`,
    toDo: 'Record the consent, or leave the family member out.',
  }),
  family_not_named: ({ pointer }) => ({
    title: 'This scheme does not name this family member',
    wrong: `The relation of “${pointer}” cannot stand on this authority's certificates.`,
    toDo: 'Leave this family member out.',
  }),
  rule_change_faulty: ({ faults }) => ({
    title: 'The rule book would be faulty',
    wrong: `It would have gaps, overlaps or errors in ${faults.length} places (faults). Nothing was kept.`,
    toDo: 'Mend each place and propose the change again.',
  }),
  rule_change_outdated: ({ changed }) => ({
    title: 'The book has changed since the proposal',
    wrong: `The same values were changed meanwhile: ${listed(changed)}.`,
    toDo: 'Read the book as it is now and propose the change anew.',
  }),
  rule_change_state_conflict: ({ state, allowed }) => ({
    title: 'Already decided',
    wrong: `The change is ${state}. A decision is possible in: ${listed(allowed)}.`,
    toDo: 'Propose a new change if one is needed.',
  }),
  procedure_state_conflict: ({ state, allowed }) => ({
    title: 'Not possible in the present state of the procedure',
    wrong: `The procedure is ${state}. This is possible in: ${listed(allowed)}.`,
    toDo: 'Read the procedure again and see what comes next.',
  }),
  procedure_not_possible: ({ state, allowed }) => ({
    title: 'This procedure is not possible for this registration',
    wrong: `The registration is ${state}. The procedure is possible in: ${listed(allowed)}.`,
    toDo: 'Check the state of the registration and choose a procedure that fits it.',
  }),
  procedure_incomplete: ({ pointer, rule, allowed }) => ({
    title: 'The form is not complete, or not right',
    wrong: `“${pointer}” ${ruleWords({ pointer, rule, ...(allowed === undefined ? {} : { allowed }) }, 'en')}. The draft is kept.`,
    toDo: 'Mend it and submit again.',
  }),
  form_expired: ({ currentVersion }) => ({
    title: 'The form is out of date',
    wrong: `The form that was filled in is no longer used; the present version is ${currentVersion}. The draft is kept.`,
    toDo: 'Copy the entries to the present form and submit again.',
  }),
  signature_missing: ({ positions: missing }) => ({
    title: 'A signature is missing',
    wrong: `Not yet signed: ${listed(missing)}.`,
    toDo: 'Let the partner log in and sign, or record the signed sheet at the counter.',
  }),
  hearing_missing: () => ({
    title: 'The opportunity to explain is not recorded',
    wrong: 'Before a revocation both partners are given the opportunity to explain; that is not recorded.',
    toDo: 'Give it, and record its outcome in the procedure.',
  }),
  appointment_too_soon: ({ earliestOn }) => ({
    title: 'Too late to book that day',
    wrong: `That day can no longer be booked. The first possible day is ${earliestOn}.`,
    toDo: `Choose an open day from ${earliestOn} on.`,
  }),
  appointment_on_closed_day: ({ earliestOn }) => ({
    title: 'The office is closed then',
    wrong: 'That is a closed day, or outside the hours.',
    toDo: `Choose a time on an open day from ${earliestOn} on.`,
  }),
  appointment_taken: () => ({
    title: 'That time is taken',
    wrong: 'That time is already booked.',
    toDo: 'Choose another time.',
  }),
  case_not_open: ({ state, allowed }) => ({
    title: 'Not an open case',
    wrong: `The case is ${state}. A duplicate check is possible in: ${listed(allowed)}.`,
    toDo: 'Check from an open case.',
  }),
  register_unreadable: ({ rule, allowed }) => ({
    title: 'The register file cannot be read',
    wrong: `The file ${ruleWords({ pointer: '', rule, ...(allowed === undefined ? {} : { allowed }) }, 'en')}. Nothing was kept.`,
    toDo: 'Send a CSV (UTF-8 or Shift_JIS) or xlsx file whose first row names the columns.',
  }),
  mapping_incomplete: ({ faults }) => ({
    title: 'The mapping of columns is incomplete or wrong',
    wrong: `It is wrong in ${faults.length} places (faults).`,
    toDo: 'Give each required item one heading that the file has.',
  }),
  import_state_conflict: ({ state, allowed }) => ({
    title: 'Not possible in the present state of the import',
    wrong: `The import is ${state}. This is possible in: ${listed(allowed)}.`,
    toDo: 'Read the import again and see what comes next.',
  }),
  import_has_faults: ({ rows }) => ({
    title: 'Some rows are faulty',
    wrong: `${rows} rows are faulty. Nothing was registered.`,
    toDo: 'Mend the reported rows and hand the file in again, or choose to leave faulty rows out.',
  }),
  document_not_printable: ({ pointers }) => ({
    title: 'A character cannot be printed',
    wrong: `No font here has a character of: ${listed(pointers)}. No other character is printed in its place.`,
    toDo: 'Let the administrator add a font that has it.',
  }),
  document_does_not_fit: () => ({
    title: 'It does not fit on the paper',
    wrong: 'What is to be printed is too long for this paper.',
    toDo: 'Choose A4. If that is too small too, ask the counter.',
  }),
  format_not_offered: ({ format, offered }) => ({
    title: 'Not issued in this form',
    wrong: `By the rules of the day of issue, certificates of this authority are not issued as “${format}”.`,
    toDo: `Choose one of: ${listed(offered)} (format).`,
  }),
  export_not_approved: () => ({
    title: 'The export is not allowed',
    wrong: 'It has not been approved yet, or the 24 hours of the approval are over.',
    toDo: 'Ask an approver.',
  }),
  export_state_conflict: ({ state, allowed }) => ({
    title: 'Not possible in the present state of the export',
    wrong: `The export is ${state}. This is possible in: ${listed(allowed)}.`,
    toDo: 'Ask for a new export if one is needed.',
  }),
  oauth_refused: ({ error }) => ({
    title: 'The wallet was refused',
    wrong: `What the wallet sent could not be accepted (${error}).`,
    toDo: 'Begin again in the wallet.',
  }),
  registration_state_conflict: ({ state, allowed }) => ({
    title: 'The registration is not in a state for this',
    wrong: `The registration is “${state}”; this can be done when it is: ${listed(allowed)}.`,
    toDo: 'Read the registration again and choose a step that its state allows.',
  }),
  certificate_state_conflict: ({ state, allowed }) => ({
    title: 'The certificate is not in a state for this',
    wrong: `The certificate is “${state}”; this can be done when it is: ${listed(allowed)}.`,
    toDo: 'Check the state of the certificate.',
  }),
  transfer_state_conflict: ({ state, allowed }) => ({
    title: 'The transfer is not in a state for this',
    wrong: `The transfer is “${state}”; this can be done when it is: ${listed(allowed)}.`,
    toDo: caseAdvice(state).en,
  }),
  other_way_of_case: ({ byPost }) => ({
    title: 'The case goes another way',
    wrong: byPost
      ? 'The origin of this case runs no node and is asked by letter; certificates are on paper.'
      : 'The origin of this case runs a node; certificates are verified, and nobody writes a letter.',
    toDo: byPost
      ? 'Record what the paper says (paper-consents), then the letter and its answer.'
      : 'Use the consent that presents a certificate (consents).',
  }),
  answer_not_confirmed: ({ answer }) => ({
    title: 'The origin has not confirmed the oath',
    wrong: `The recorded answer is “${answer}”; only “confirmed” can be continued.`,
    toDo: 'Decline the case: the couple is then shown how to make a new oath. If the answer was recorded wrongly, have it recorded again.',
  }),
  filing_not_at_origin: ({ models }) => ({
    title: 'This move is not filed here',
    wrong: `No agreement with that authority lets a couple file where it leaves; what the two have agreed on: ${listed(models)}.`,
    toDo: 'The couple files at the destination (continuation_at_destination), or makes a new oath there. See the check before a move.',
  }),
  another_transfer_open: ({ transferId }) => ({
    title: 'Another move of the same registration is open here',
    wrong: `The case “${transferId}” was begun with this certificate and has not ended.`,
    toDo: 'Finish that one or withdraw it first; or consent once more and say that it is to be withdrawn (withdrawOther).',
  }),
  certificate_not_accepted: ({ pointer, check, reason }) => ({
    title: 'This certificate cannot be used here',
    wrong: `The certificate at “${pointer}” did not pass the check “${check}” (${reason}).`,
    toDo: 'Present a valid certificate; if you do not know why, ask the authority that issued it.',
  }),
  certificates_do_not_match: ({ pointer }) => ({
    title: 'The two certificates do not belong together',
    wrong: `The certificate at “${pointer}” is not of the same registration as the other partner's.`,
    toDo: 'Present the certificates of both partners from one registration.',
  }),
  certificate_of_this_authority: () => ({
    title: 'This authority issued the certificate itself',
    wrong: 'A continuation begins with a certificate of another authority.',
    toDo: 'For a move within this authority, report the new address instead.',
  }),
  continuation_not_possible: () => ({
    title: 'A continuation is not possible',
    wrong: 'Some requirements of this authority are not met or cannot be confirmed (unmet).',
    toDo: 'Bring the documents or take the steps that are named; where that is not possible, a new oath may be.',
  }),
  consent_text_outdated: ({ currentVersion }) => ({
    title: 'The text of the consent has changed',
    wrong: `The text shown is not the current one, which is “${currentVersion}”.`,
    toDo: 'Read the current text and consent again.',
  }),
  consent_missing: ({ positions }) => ({
    title: 'The consent of both partners is needed',
    wrong: `Consent is still missing from: ${listed(positions.map((position) => `${position} partner`))}.`,
    toDo: 'Each partner logs in and consents, or the counter records the signed sheet.',
  }),
  same_person_decides: () => ({
    title: 'One person cannot both receive and approve',
    wrong: 'Whoever received this case may not decide on it.',
    toDo: 'Ask another approver.',
  }),
  peer_message_refused: ({ reason }) => ({
    title: 'The message was refused',
    wrong: `It could not be confirmed as a message between authorities (${reason}). Nothing was changed.`,
    toDo: 'Make the message anew and send it again.',
  }),
  peer_unknown: () => ({
    title: 'The sender is not a member',
    wrong: 'The sender is not a member that this authority can confirm.',
    toDo: 'Check the membership and the signing key.',
  }),
  peer_not_in_agreement: ({ state, since, successor }) => ({
    title: 'No new continuation can be begun with that authority',
    wrong: {
      suspended: `That authority has been suspended from the network since ${since}.`,
      left: `That authority left the agreement on ${since}.`,
      merged: `That authority was merged or moved on ${since}.`,
    }[state],
    toDo:
      state === 'suspended'
        ? 'Try again when it is back; where there is no time, offer a new oath here.'
        : successor
          ? `Choose ${successor.en}, which has taken its register over, as the origin.`
          : 'Offer a new oath here. Certificates that it issued can be verified as before.',
  }),
  node_quarantined: ({ unanswered }) => ({
    title: 'This authority is finding out what it has forgotten',
    wrong: `Its database was restored, so it asks every other member what was already handed over, and changes nothing meanwhile.${
      unanswered.length > 0 ? ` Still to answer: ${unanswered.join(', ')}.` : ''
    } Nothing was stored. Certificates are verified as always.`,
    toDo: 'Try again in a few minutes. If it lasts, an administrator sees who has not answered under /v1/network/quarantine, and two administrators can go on without them.',
  }),
  waiver_state_conflict: ({ state, allowed }) => ({
    title: 'Not possible in the present state',
    wrong: `It is "${state}"; this can be done only in: ${allowed.join(', ')}.`,
    toDo: 'Look at the state of the quarantine again.',
  }),
  waiver_not_possible: ({ allowed }) => ({
    title: 'These members need not be waived',
    wrong: `Only members that have not answered can be left out. They are: ${allowed.join(', ') || 'none'}.`,
    toDo: 'Name only members that have not answered.',
  }),
  not_ready: ({ retryAfterSeconds, cause }) => ({
    title: 'The service is not ready',
    wrong: `Something this request needs is not there yet: ${NOT_READY_WORDS[cause]}.`,
    toDo: `Try again in about ${retryAfterSeconds} seconds.`,
  }),
};
