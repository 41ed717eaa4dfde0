import { openWords } from '../procedure/open-words.ts';
import type { components } from './api.generated.ts';

type ToConfirm = components['schemas']['ToConfirm'];

/** Points to confirm (要確認) with their words beside the codes. */
export function toConfirmBody(
  open: readonly { readonly requirement: string; readonly sources: readonly string[] }[],
): ToConfirm[] {
  return open.map(({ requirement, sources }) => {
    const text = openWords(requirement);
    return { requirement, ...(text ? { text: { ...text } } : {}), sources: [...sources] };
  });
}
