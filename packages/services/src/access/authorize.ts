import { CofreError, unreachable } from '@cofre/contracts';
import { sql } from 'kysely';
import type { Actor, Person } from '../actor.ts';
import { audit } from '../audit/audit.ts';
import { catalogueAs } from '../catalogue/catalogue-as.ts';
import type { Catalogue } from '../catalogue/open-catalogue.ts';
import { implementationNotFound, moduleNotFound } from '../modules/not-found.ts';
import { planNotFound, restoreNotFound } from '../restores/not-found.ts';
import type { RepositoryContext, ServiceContext } from '../service-context.ts';
import { USE_CASES, type UseCaseFacts, type UseCaseName } from './use-cases.ts';

/** What of a context it takes to decide. */
export type Caller = Pick<ServiceContext, 'catalogue' | 'actor' | 'clock'>;

/** What the call is about, as the caller named it, so that a refusal can read as if it were not there. */
export interface Subject {
  readonly name: string;
}

export type AccessRole = 'administrator' | 'viewer' | 'customer' | 'nobody';

/**
 * The first thing that every use case does. Gives the context to go on with, whose catalogue has the rights that the use
 * case needs and no more; throws `access/not-signed-in`, `access/denied`, or what a thing that is not there gives. What
 * a person may do is asked of the database, as that person.
 */
export async function authorize<Context extends Caller>(
  caller: Context,
  useCase: UseCaseName,
  subject?: Subject,
): Promise<Context> {
  const facts: UseCaseFacts = USE_CASES[useCase];
  const { actor, catalogue } = caller;
  switch (actor.kind) {
    case 'operator':
      return caller;
    case 'service':
      if (facts.needs === 'operator') return refuse(caller, { useCase, facts, subject, role: 'administrator' });
      return { ...caller, catalogue: catalogueAs(catalogue, { role: 'service_role' }) };
    case 'nobody':
      return refuse(caller, { useCase, facts, subject, role: 'nobody' });
    case 'person': {
      const own = catalogueAs(catalogue, personRole(actor));
      const role = await accessRole(own);
      if (!isEnough(role, facts.needs)) return refuse(caller, { useCase, facts, subject, role });
      return { ...caller, catalogue: facts.rights === 'own' ? own : catalogueAs(catalogue, { role: 'service_role' }) };
    }
    default:
      return unreachable(actor);
  }
}

/**
 * For use cases that need no database: whoever holds the address and the key alone is the operator. A context that knows
 * who asks is held to it.
 */
export async function authorizeRepository(caller: RepositoryContext, useCase: UseCaseName): Promise<RepositoryContext> {
  return isCaller(caller) ? authorize(caller, useCase) : caller;
}

function isCaller(context: RepositoryContext): context is RepositoryContext & Caller {
  return 'actor' in context && 'catalogue' in context;
}

function personRole({ userId, claims }: Person) {
  return { role: 'authenticated', userId, claims } as const;
}

async function accessRole(own: Catalogue): Promise<AccessRole> {
  const { rows } = await sql<{ role: AccessRole }>`SELECT cofre.access_role() AS role`.execute(own);
  return rows[0]?.role ?? 'nobody';
}

/** What an actor may do in general, for edges that show or hide what they offer. Decides nothing. */
export async function roleOf(caller: Pick<Caller, 'catalogue' | 'actor'>): Promise<AccessRole> {
  const { actor, catalogue } = caller;
  if (actor.kind === 'nobody') return 'nobody';
  return actor.kind === 'person' ? accessRole(catalogueAs(catalogue, personRole(actor))) : 'administrator';
}

function isEnough(role: AccessRole, needs: UseCaseFacts['needs']): boolean {
  switch (needs) {
    case 'signed-in':
      return role !== 'nobody';
    case 'viewer':
      return role === 'viewer' || role === 'administrator';
    case 'administrator':
      return role === 'administrator';
    case 'operator':
      return false;
    default:
      return unreachable(needs);
  }
}

interface Refusal {
  readonly useCase: UseCaseName;
  readonly facts: UseCaseFacts;
  readonly subject: Subject | undefined;
  readonly role: AccessRole;
}

async function refuse(caller: Caller, refusal: Refusal): Promise<never> {
  await logRefusal(caller, refusal);
  throw refusalOf(caller.actor, refusal);
}

/** For edges that refuse what the use case itself would not: it is in the log as all that is refused. */
export async function logRefusal(
  caller: Caller,
  { useCase, role, subject }: Pick<Refusal, 'useCase' | 'role'> & { readonly subject?: Subject | undefined },
): Promise<void> {
  await audit(
    // A person who may do nothing cannot write the log, either.
    { ...caller, catalogue: catalogueAs(caller.catalogue, { role: 'service_role' }) },
    {
      action: 'ACCESS_DENIED',
      outcome: 'refused',
      details: { useCase, role, ...(subject === undefined ? {} : { subject: subject.name.slice(0, SUBJECT_MAX) }) },
    },
  );
}

/** What people name may be of any length; the log takes enough of it to know what was tried. */
const SUBJECT_MAX = 200;

function refusalOf(actor: Actor, { useCase, facts, subject, role }: Refusal): CofreError {
  if (role === 'nobody') {
    return new CofreError('access/not-signed-in', 'Nobody is signed in. Nothing was read or changed.', {
      params: { useCase },
    });
  }
  if (role === 'customer' && facts.hides !== undefined) return notFound(facts.hides, subject?.name ?? '');
  return new CofreError('access/denied', `${actor.name} may not do this. Nothing was read or changed.`, {
    params: { useCase, needs: facts.needs },
  });
}

function notFound(what: NonNullable<UseCaseFacts['hides']>, name: string): CofreError {
  switch (what) {
    case 'implementation':
      return implementationNotFound(name);
    case 'module':
      return moduleNotFound(name);
    case 'restore':
      return restoreNotFound(name);
    case 'plan':
      return planNotFound(name);
    case 'job':
      return new CofreError('job/not-found', `There is no job ${name}.`, { params: { job: name } });
    default:
      return unreachable(what);
  }
}
