import { authorize, type Caller } from '../access/authorize.ts';

/** Says that a worker has stopped. */
export async function withdrawWorker(caller: Caller, { id }: { readonly id: string }): Promise<void> {
  const { catalogue } = await authorize(caller, 'withdrawWorker');
  await catalogue.deleteFrom('cofre.workers').where('id', '=', id).execute();
}
