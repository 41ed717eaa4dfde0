/** A contract that must not be served. Stops the boot; the message names the operation and the way out. */
export class ContractFault extends Error {
  constructor(where: string, wrong: string) {
    super(`openapi.yaml: ${where} ${wrong}`);
    this.name = 'ContractFault';
  }
}
