import type { ProblemWords } from './problem.ts';
import { ruleWords } from './rule-words.ts';

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
    toDo: 'Read the transfer again and see what comes next.',
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
  not_ready: ({ retryAfterSeconds }) => ({
    title: 'The service is not ready',
    wrong: 'Something this request needs is not there yet.',
    toDo: `Try again in about ${retryAfterSeconds} seconds.`,
  }),
};
