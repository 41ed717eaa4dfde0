import 'reflect-metadata';
import { EventEmitter } from 'node:events';
import {
  type AgentDependencies,
  DependencyManager,
  InjectionSymbols,
  StorageVersionRecord,
} from '@credo-ts/core';
import { MemoryStorage } from './credo-storage.ts';

/** Storage in memory, told that it is of this version, for one agent. */
export async function memoryDependencies(): Promise<DependencyManager> {
  const storage = new MemoryStorage();
  const storageVersion = StorageVersionRecord.frameworkStorageVersion;
  await storage.save(undefined, new StorageVersionRecord({ storageVersion }));
  const dependencyManager = new DependencyManager();
  dependencyManager.registerInstance(InjectionSymbols.StorageService, storage);
  return dependencyManager;
}

/** An agent in memory has no files and no sockets. */
export function agentDependencies(fetchWith: typeof fetch): AgentDependencies {
  return {
    FileSystem: class {} as unknown as AgentDependencies['FileSystem'],
    EventEmitterClass: EventEmitter,
    fetch: fetchWith,
    WebSocketClass: class {} as unknown as AgentDependencies['WebSocketClass'],
  };
}
