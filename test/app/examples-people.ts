import { aRegistration, type Example, scopeOf, type World } from './request-examples.ts';

async function aPartnerOf({ node }: World): Promise<Example & { params: Record<string, string> }> {
  const registrationId = await aRegistration(node);
  return {
    params: { registrationId, position: 'first' },
    scope: scopeOf('registration', registrationId),
  };
}

/** Good requests for the operations of src/http/handle-people.ts. */
export const PEOPLE_EXAMPLES = {
  getContact: async (world: World): Promise<Example> => ({
    ...(await aPartnerOf(world)),
    query: { purpose: 'inquiry' },
  }),
  setContact: async (world: World): Promise<Example> => ({
    ...(await aPartnerOf(world)),
    body: { preferred: 'phone', phone: '00-0000-0000', never: ['post'], phoneFrom: '18:00' },
  }),
  setProtection: async (world: World): Promise<Example> => ({
    ...(await aPartnerOf(world)),
    body: { protected: true },
  }),
  getMyContact: async ({ node }: World): Promise<Example> => ({
    scope: scopeOf('registration', await aRegistration(node)),
  }),
  setMyContact: async ({ node }: World): Promise<Example> => ({
    body: { preferred: 'email', email: 'hanako@example.org', never: ['post', 'phone'] },
    scope: scopeOf('registration', await aRegistration(node)),
  }),
};
