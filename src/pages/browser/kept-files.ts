/** What the service worker is told by the node that serves it. */
export type KeptFiles = {
  /** Of the code: another version is another cache. */
  readonly version: string;
  readonly files: string[];
  /** Path of the trust bundle. */
  readonly trust: string;
};
