import type { FastifyReply } from 'fastify';
import type { PlacedFault, Refusal, RefusalCode, RefusalFacts, UnmetRequirement } from '../kernel/refusal.ts';
import { requirementWords } from '../registry/requirement-words.ts';
import { faultWords } from './fault-words.ts';
import { PROBLEM_WORDS_EN } from './problem-words-en.ts';
import { PROBLEM_WORDS_JA } from './problem-words-ja.ts';

export const LANGUAGES = ['ja', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

/** What went wrong and what to do about it, in one language. */
export type Words = { readonly title: string; readonly wrong: string; readonly toDo: string };

/** A sentence for each refusal, complete by construction: a new code without words does not compile. */
export type ProblemWords = {
  readonly [Code in RefusalCode]: (facts: RefusalFacts[Code]) => Words;
};

/** A problem document (RFC 9457 §3) with the members of the contract's `Problem` schema. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly instance?: string;
  readonly toDo?: readonly string[];
} & ProblemFacts;

type ProblemFacts = {
  readonly pointer?: string;
  readonly rule?: string;
  readonly state?: string;
  readonly allowed?: readonly string[];
  readonly roles?: readonly string[];
  readonly check?: string;
  readonly reason?: string;
  readonly retryAfterSeconds?: number;
  readonly currentVersion?: string;
  readonly earliestOn?: string;
  readonly faults?: readonly { readonly where: string; readonly rule: string; readonly text: string }[];
  readonly unmet?: readonly (UnmetRequirement & { readonly text?: string })[];
};

/** The one place where a refusal meets a status (RFC 9110 §15.5). */
const STATUS = {
  request_malformed: 400,
  request_too_large: 413,
  request_too_slow: 408,
  media_type_unsupported: 415,
  representation_unavailable: 406,
  route_not_found: 404,
  method_not_allowed: 405,
  oauth_refused: 400,
  too_many_requests: 429,
  session_missing: 401,
  session_invalid: 401,
  role_insufficient: 403,
  login_code_invalid: 401,
  record_not_found: 404,
  // draft-ietf-httpapi-idempotency-key-header §2.7: 400 without a key, 422 with one used for something else.
  idempotency_key_missing: 400,
  idempotency_key_reused: 422,
  requirements_unmet: 422,
  rules_not_in_force: 422,
  already_registered: 409,
  residence_not_proven: 409,
  my_number_suspected: 422,
  consent_of_child_missing: 422,
  family_not_named: 422,
  rule_change_faulty: 422,
  rule_change_outdated: 409,
  rule_change_state_conflict: 409,
  procedure_state_conflict: 409,
  procedure_not_possible: 409,
  procedure_incomplete: 422,
  form_expired: 422,
  signature_missing: 409,
  hearing_missing: 409,
  appointment_too_soon: 422,
  appointment_on_closed_day: 422,
  appointment_taken: 409,
  case_not_open: 409,
  register_unreadable: 422,
  mapping_incomplete: 422,
  import_state_conflict: 409,
  import_has_faults: 409,
  document_not_printable: 422,
  document_does_not_fit: 422,
  format_not_offered: 422,
  export_not_approved: 403,
  export_state_conflict: 409,
  registration_state_conflict: 409,
  certificate_state_conflict: 409,
  transfer_state_conflict: 409,
  other_way_of_case: 409,
  answer_not_confirmed: 409,
  filing_not_at_origin: 422,
  another_transfer_open: 409,
  certificate_not_accepted: 422,
  certificates_do_not_match: 422,
  certificate_of_this_authority: 422,
  continuation_not_possible: 422,
  consent_text_outdated: 409,
  consent_missing: 409,
  same_person_decides: 403,
  peer_message_refused: 400,
  peer_unknown: 403,
  peer_not_in_agreement: 409,
  node_quarantined: 503,
  waiver_state_conflict: 409,
  waiver_not_possible: 422,
  not_ready: 503,
} as const satisfies Record<RefusalCode, number>;

const WORDS: Record<Language, ProblemWords> = { ja: PROBLEM_WORDS_JA, en: PROBLEM_WORDS_EN };

const INTERNAL: Record<Language, Words> = {
  ja: {
    title: '処理できませんでした',
    wrong: 'システムの内部で問題が起きたため、処理を完了できませんでした。',
    toDo: '時間をおいてもう一度お試しください。続くときは、この問題の番号（instance）を窓口にお知らせください。',
  },
  en: {
    title: 'The request could not be processed',
    wrong: 'Something went wrong inside the service, so the request was not completed.',
    toDo: 'Try again later. If it goes on, tell the counter the number of this problem (instance).',
  },
};

export function problemOf<Code extends RefusalCode>(
  { code, facts }: Refusal<Code>,
  { language, requestId, status = STATUS[code] }: { language: Language; requestId: string; status?: number },
): Problem {
  const words = WORDS[language][code](facts);
  const members = membersOf(facts, language);
  const remedies = (members.unmet ?? []).flatMap((each) => each.remedies);
  const steps = new Set(remedies.flatMap((remedy) => requirementWords.remedy(remedy, language) ?? []));
  return {
    type: `urn:chikai:problem:${code}`,
    ...document(words, language, requestId),
    status,
    code,
    ...members,
    toDo: [words.toDo, ...steps],
  };
}

/** For whatever is not a refusal: a status, an apology, and nothing of the error. */
export function internalProblem(language: Language, requestId: string): Problem {
  const { toDo, ...words } = INTERNAL[language];
  return {
    type: 'about:blank',
    ...document({ ...words, toDo }, language, requestId),
    status: 500,
    code: 'internal_error',
    toDo: [toDo],
  };
}

/** Sends a problem with the headers its status calls for (RFC 9110 §10.2.1, §10.2.3, §11.6.1). */
export function sendProblem(reply: FastifyReply, problem: Problem, language: Language): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problemHeaders(problem, language))
    .send(Buffer.from(JSON.stringify(problem)));
}

export function problemHeaders(problem: Problem, language: Language): Record<string, string> {
  const { status, code, allowed = [], retryAfterSeconds } = problem;
  return {
    'content-type': 'application/problem+json',
    'content-language': language,
    'cache-control': 'no-store',
    vary: 'Accept-Language',
    ...(status === 401
      ? { 'www-authenticate': code === 'session_invalid' ? 'Bearer error="invalid_token"' : 'Bearer' }
      : {}),
    ...(status === 405 ? { allow: allowed.join(', ') } : {}),
    ...(status === 415 ? { accept: allowed.join(', ') } : {}),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  };
}

function document({ title, wrong, toDo }: Words, language: Language, requestId: string) {
  const detail = language === 'ja' ? `${wrong}${toDo}` : `${wrong} ${toDo}`;
  return { title, detail, instance: `urn:uuid:${requestId}` };
}

/** The facts that the contract's `Problem` has a member for; the others stand in the words. */
function membersOf(facts: Refusal['facts'], language: Language): ProblemFacts {
  const known: Partial<Record<string, unknown>> = { ...facts };
  const list = known.accepted ?? known.offered ?? known.allowed;
  const text = (unmet: UnmetRequirement) => requirementWords.requirement(unmet.requirement, language);
  return definedOnly({
    pointer: known.pointer,
    rule: known.rule,
    state: known.state,
    allowed: list === undefined ? undefined : [list].flat(),
    roles: known.roles,
    check: known.check,
    reason: known.reason ?? known.cause,
    retryAfterSeconds: known.retryAfterSeconds,
    currentVersion: known.currentVersion,
    earliestOn: known.earliestOn,
    faults: (known.faults as readonly PlacedFault[] | undefined)?.map((fault) => ({
      where: fault.where,
      rule: fault.rule,
      text: faultWords(fault, language),
    })),
    unmet: (known.unmet as readonly UnmetRequirement[] | undefined)?.map((each) =>
      definedOnly({ ...each, text: text(each) }),
    ),
  }) as ProblemFacts;
}

function definedOnly(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
