import type { Actor } from '../kernel/role.ts';
import type { operations } from './api.generated.ts';
import type { Idempotency } from './idempotency.ts';
import type { Language } from './problem.ts';

/**
 * What a handler is given. Everything has passed the contract: path and query parameters are converted to their types,
 * the body has the form of its schema, the actor has one of the operation's roles.
 */
export type HandlerRequest<Op> = {
  readonly requestId: string;
  readonly params: Parameters<Op, 'path'>;
  readonly query: Parameters<Op, 'query'>;
  readonly body: JsonBody<Op>;
  /** The text of a body that is not JSON, else undefined. */
  readonly rawBody: TextBody<Op>;
  /** The bytes of a body that the contract calls binary, else undefined. */
  readonly rawBytes: Uint8Array | undefined;
  /** Media type of the body; undefined where there is none. */
  readonly bodyType: string | undefined;
  readonly headers: {
    readonly accept: string | undefined;
    readonly 'accept-language': string | undefined;
    readonly 'idempotency-key': string | undefined;
    readonly 'if-none-match': string | undefined;
    readonly authorization: string | undefined;
    readonly dpop: string | undefined;
    readonly 'x-request-secret': string | undefined;
  };
  /** From `Accept-Language`, Japanese in doubt. */
  readonly language: Language;
  /** Of the media types this operation answers in, the one `Accept` prefers; undefined where it answers no body. */
  readonly mediaType: string | undefined;
  readonly idempotency: HeaderOf<Op> extends { 'Idempotency-Key': string } ? Idempotency : undefined;
  readonly actor: Actor;
};

/**
 * What a handler answers: one of the statuses and media types of the contract, problems excepted, which are thrown as
 * a Refusal. `contentType` may be left out for JSON. A text may be an async iterable, which is then streamed.
 */
export type HandlerResult<Op> = Op extends { responses: infer Responses }
  ? { [Status in keyof Responses & number]: Result<Status, Responses[Status]> }[keyof Responses & number]
  : never;

export type Handler<Op> = (request: HandlerRequest<Op>) => Promise<HandlerResult<Op>>;

/** One handler per operation: a missing, surplus or wrongly typed one does not compile. */
export type HandlersOf<Operations> = { readonly [Id in keyof Operations]: Handler<Operations[Id]> };

export type OperationId = keyof operations;
export type Handlers<Ids extends OperationId = OperationId> = HandlersOf<Pick<operations, Ids>>;

/** What the machinery knows of any handler: it hands over what the types above promise. */
export type AnyHandler = (request: never) => Promise<AnyResult>;

export type AnyResult = {
  readonly status: number;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
};

type Nothing = Record<never, never>;
type Present<Type> = [Exclude<Type, undefined>] extends [never] ? Nothing : Exclude<Type, undefined>;

type ParametersOf<Op> = Op extends { parameters: infer Places } ? Places : never;
type Parameters<Op, Place extends string> = Place extends keyof ParametersOf<Op>
  ? Present<ParametersOf<Op>[Place]>
  : Nothing;
type HeaderOf<Op> = Parameters<Op, 'header'>;

type JsonMedia = 'application/json' | `application/${string}+json`;

type ContentOf<Node> = Node extends { content: infer Content } ? Content : Nothing;
type RequestContent<Op> = Op extends { requestBody: infer Body }
  ? ContentOf<Body>
  : Op extends { requestBody?: infer Body }
    ? ContentOf<Exclude<Body, undefined>>
    : Nothing;
/** Undefined joins in where the body may be left out, or may come as another media type. */
type JsonBody<Op> =
  | RequestContent<Op>[keyof RequestContent<Op> & JsonMedia]
  | ([Exclude<keyof RequestContent<Op>, JsonMedia>] extends [never] ? MayBeAbsent<Op> : undefined);
type TextBody<Op> =
  | ([Exclude<keyof RequestContent<Op>, JsonMedia>] extends [never] ? never : string)
  | ([keyof RequestContent<Op> & JsonMedia] extends [never] ? MayBeAbsent<Op> : undefined);
type MayBeAbsent<Op> = Op extends { requestBody: { content: unknown } } ? never : undefined;

type Headers = { readonly headers?: Readonly<Record<string, string>> };
type Result<Status, Node> = Node extends { content: infer Content }
  ? {
      [Media in Exclude<keyof Content, 'application/problem+json'>]: Media extends JsonMedia
        ? Headers & { readonly status: Status; readonly contentType?: Media; readonly body: Content[Media] }
        : Headers & {
            readonly status: Status;
            readonly contentType: Media;
            readonly body: string | Uint8Array | AsyncIterable<string>;
          };
    }[Exclude<keyof Content, 'application/problem+json'>]
  : Headers & { readonly status: Status; readonly body?: undefined };
