import type { AnySchemaObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { isUuid } from '../kernel/id.ts';
import { holdsMyNumber } from '../kernel/my-number.ts';
import { CONTRACT_URI, type Contract, type Operation, type Schema } from './contract.ts';
import { isJsonMedia } from './media-type.ts';
import { type SchemaFault, schemaFaultOf } from './schema-fault.ts';

/** Undefined where the value has the form of the schema, else the one fault to tell. */
export type Check = (value: unknown) => SchemaFault | undefined;

export type SchemaChecks = {
  /** A body or an answer: nothing is converted, completed or dropped. */
  exact(schema: Schema): Check;
  /** Texts of a path or query: `"5"` becomes 5 in place where the schema wants a number. */
  fromText(schema: Schema): Check;
};

// OpenAPI's own words around and inside schemas; anything else unknown is a misspelling, which strict mode refuses.
const OPENAPI_WORDS = ['components', 'example', 'discriminator', 'xml', 'externalDocs'];

/**
 * One check per schema of the contract, compiled when first needed: nine authorities that start on one machine do not
 * each pay for schemas nobody calls. `compileAll` in the tests finds the schema that would not compile.
 */
export function createSchemaChecks(contract: Contract): SchemaChecks {
  const exact = compiler(contract, false);
  const fromText = compiler(contract, true);
  return { exact, fromText };
}

/** Compiles every schema of every operation. @throws where one of them is not a schema of the dialect */
export function compileAll(contract: Contract): number {
  const checks = createSchemaChecks(contract);
  const bodies = contract.operations.flatMap((operation) => [
    ...(operation.requestBody?.media ?? []),
    ...[...operation.responses.values()].flatMap((media) => [...media]),
  ]);
  const schemas = bodies.flatMap(([type, schema]) => (schema && isJsonMedia(type) ? [schema] : []));
  for (const schema of schemas) checks.exact(schema)(undefined);
  const parameters = contract.operations.flatMap((operation: Operation) =>
    Object.values(operation.parameters),
  );
  for (const schema of parameters) checks.fromText(schema)({});
  return schemas.length + parameters.length;
}

function compiler(contract: Contract, coerceTypes: boolean): (schema: Schema) => Check {
  let ajv: Ajv2020 | undefined;
  const compiled = new WeakMap<Schema, ValidateFunction>();
  return (schema) => (value) => {
    ajv ??= createAjv(contract, coerceTypes);
    let validate = compiled.get(schema);
    if (validate === undefined) {
      validate = ajv.compile(schema as AnySchemaObject);
      compiled.set(schema, validate);
    }
    return validate(value) ? undefined : schemaFaultOf(validate.errors ?? [], contract.names);
  };
}

function createAjv(contract: Contract, coerceTypes: boolean): Ajv2020 {
  const ajv = new Ajv2020({
    coerceTypes,
    removeAdditional: false,
    useDefaults: false,
    allErrors: false,
    strict: true,
    strictRequired: false,
    // The linter checks the contract against the dialect; doing it again in each process costs 30 ms.
    validateSchema: false,
    messages: false,
    formats: {
      ...fullFormats,
      uuid: isUuid,
      'date-time': isInstant,
      binary: true,
      'free-text': (text: string) => !holdsMyNumber(text),
    },
  });
  ajv.addVocabulary(OPENAPI_WORDS);
  ajv.addSchema({ $id: CONTRACT_URI, components: contract.components });
  return ajv;
}

const fullDateTime = fullFormats['date-time'] as { validate: (text: string) => boolean };

/** RFC 3339 §5.6 with `T` and an offset; the library also takes a blank and lower case, which two readers may read apart. */
function isInstant(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(text) && fullDateTime.validate(text);
}
