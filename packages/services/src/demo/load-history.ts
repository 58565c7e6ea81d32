import { assert } from '@cofre/contracts';
import type { Database } from '@cofre/postgres';
import type pg from 'pg';
import { createBackup } from '../backups/create-backup.ts';
import { holdBackup } from '../backups/hold-backup.ts';
import { verifyBackup } from '../backups/verify-backup.ts';
import { addImplementation } from '../modules/add-implementation.ts';
import { applyDefinition } from '../modules/apply-definition.ts';
import { applyRestore } from '../restores/apply-restore.ts';
import { planRestore } from '../restores/plan-restore.ts';
import { cleanupExpiredBackups } from '../retention/cleanup-expired-backups.ts';
import { executeScheduledBackups } from '../schedules/execute-scheduled-backups.ts';
import { nextRuns } from '../schedules/schedule.ts';
import type { ServiceContext } from '../service-context.ts';
import { updateSettings } from '../settings/update-settings.ts';
import { workOneDay } from './daily-work.ts';
import { damageInventory } from './damage.ts';
import { DEMO_DEFINITIONS } from './definitions.ts';
import { type LoadedDemo, loadDemo } from './load-demo.ts';
import { DEMO_IMPLEMENTATIONS, DEMO_TENANTS } from './platform.ts';
import { TravellingClock } from './travelling-clock.ts';

const NIGHTS = 30;
const TIME_ZONE = 'America/Sao_Paulo';
const NIGHTLY = { schedule: '0 3 * * *', timeZone: TIME_ZONE } as const;

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * Loads the demo's platform as if it had been in use for thirty days: tenants worked, scheduled backups ran each night,
 * some failed, people made and kept others, something was restored. Every backup is a real one: what travels is the clock.
 */
export async function loadDemoHistory(
  caller: ServiceContext,
  onNight: (night: number, nights: number) => void = () => undefined,
): Promise<LoadedDemo> {
  const client = await caller.database.connect({ applicationName: 'cofre demo' });
  try {
    const history = new History(caller, client);
    const loaded = await history.begin();
    for (let night = 1; night <= NIGHTS; night++) {
      await history.live(night);
      onNight(night, NIGHTS);
    }
    await history.end();
    return loaded;
  } finally {
    await client.end();
  }
}

/** What happened in the hours before a night, by the night's number. */
type Happenings = Readonly<Record<number, () => Promise<unknown>>>;

class History {
  readonly #clock: TravellingClock;
  readonly #context: ServiceContext;
  readonly #client: pg.ClientBase;
  readonly #now: Date;
  readonly #nights: readonly Date[];
  readonly #happenings: Happenings = {
    2: () => this.#backUp('billing/international', 'Before the move to the new tax rules', this.#night(24)),
    5: () => this.#backUp('inventory/standard', 'Before release 2.4'),
    7: () => this.#backUpLate(),
    11: () => this.#backUpLate(),
    16: () => this.#scheduleLate(),
    9: () => this.#accident(),
    10: () => this.#pilot(),
    13: () => this.#keep(),
    14: () => this.#backUp('crm/campaigns', 'The pilot at half time'),
    19: () => this.#endPilot(),
    21: () => this.#prove('billing/brazil'),
    29: () => this.#prove('inventory/perishable'),
  };

  constructor(caller: ServiceContext, client: pg.ClientBase) {
    this.#client = client;
    this.#clock = new TravellingClock(caller.clock);
    this.#now = caller.clock.now();
    this.#context = { ...caller, actor: { kind: 'operator', name: 'Marina Costa' }, clock: this.#clock };
    const after = new Date(this.#now.getTime() - (NIGHTS + 3) * 24 * HOUR_MS);
    // The last one is some hours ago: what followed it is over, too.
    this.#nights = nextRuns(NIGHTLY, { after, count: NIGHTS + 3 })
      .filter((night) => night.getTime() < this.#now.getTime() - 3 * HOUR_MS)
      .slice(-NIGHTS);
  }

  async begin(): Promise<LoadedDemo> {
    this.#clock.startAt(new Date(this.#night(1).getTime() - 14 * HOUR_MS));
    const loaded = await loadDemo(this.#context.database);
    for (const source of Object.values(DEMO_DEFINITIONS)) await applyDefinition(this.#context, { source });
    const common = { ...NIGHTLY, defaultType: 'incremental', retentionDays: 30, keepLast: 7 } as const;
    await updateSettings(this.#context, { place: {}, set: common });
    await updateSettings(this.#context, { place: { module: 'crm' }, set: { schedule: '0 4 * * *' } });
    for (const [implementation, schedule] of [
      ['crm/care', '30 4 * * 0'],
      ['billing/international', null],
      ...SCHEDULED_LATE.map((late) => [late, null] as const),
    ] as const)
      await updateSettings(this.#context, { place: { implementation }, set: { schedule } });
    return loaded;
  }

  /** The day before a night, and the night. */
  async live(number: number): Promise<void> {
    const night = this.#night(number);
    this.#goTo(night, -12 * HOUR_MS);
    await workOneDay(this.#client, { number, date: this.#clock.now() });
    await this.#happenings[number]?.();
    this.#goTo(night, 9 * SECOND_MS);
    if (number === NIGHTS) await this.#leaveOverdue('inventory/multi-warehouse', night);
    await (number === FAILED_NIGHT ? this.#whileLocked('public.products') : this.#runSchedules());
    // Those that failed are tried again.
    this.#goTo(night, 4 * MINUTE_MS);
    if (number === FAILED_NIGHT) await this.#runSchedules();
    this.#goTo(night, HOUR_MS + 7 * SECOND_MS);
    if (number === NIGHTS) await this.#fail('public.deals');
    else await this.#runSchedules();
    this.#goTo(night, 1.5 * HOUR_MS + 11 * SECOND_MS);
    if (isSunday(night)) await this.#runSchedules();
  }

  async end(): Promise<void> {
    this.#clock.goTo(this.#now);
    await cleanupExpiredBackups(this.#context);
    await workOneDay(this.#client, { number: NIGHTS + 1, date: this.#now });
    // Workers keep away from it for a while: else the first one would mend at once what is to be seen.
    await this.#client.query(
      `UPDATE cofre.implementation_settings SET claimed_by = NULL, claimed_until = NULL, retry_at = $1
       WHERE claimed_by = $2`,
      [new Date(this.#now.getTime() + OVERDUE_FOR_MS), ABSENT],
    );
  }

  #night(number: number): Date {
    const night = this.#nights[number - 1];
    assert(night !== undefined, 'every night of the demo has its time');
    return night;
  }

  #goTo(night: Date, offsetMs: number): void {
    this.#clock.goTo(new Date(night.getTime() + offsetMs));
  }

  #runSchedules(context = this.#context) {
    return executeScheduledBackups({ ...context, actor: { kind: 'service', name: 'schedule' } });
  }

  #backUp(implementation: string, description: string, expiresAt?: Date) {
    const expiry = expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() };
    return createBackup(this.#context, { implementation, type: 'full', description, ...expiry });
  }

  /** Some are backed up by hand at first … */
  async #backUpLate(): Promise<void> {
    for (const implementation of SCHEDULED_LATE) await this.#backUp(implementation, 'Weekly, by hand');
  }

  /** … until somebody lets them be backed up as the others are. */
  async #scheduleLate(): Promise<void> {
    for (const implementation of SCHEDULED_LATE)
      await updateSettings(this.#context, { place: { implementation }, unset: ['schedule'] });
  }

  /** A bad deploy, found out within the hour and restored. */
  async #accident(): Promise<void> {
    const { id } = await this.#backUp('inventory/perishable', 'Before release 2.5');
    this.#clock.goTo(new Date(this.#clock.now().getTime() + 40 * MINUTE_MS));
    await damageInventory(this.#client, implementationOf('perishable'));
    const plan = await planRestore(this.#context, { backup: id });
    await applyRestore(this.#context, { plan: plan.id });
  }

  async #keep(): Promise<void> {
    const { id } = await this.#backUp('inventory/perishable', 'Stocktaking');
    await holdBackup(this.#context, { backup: id, reason: 'The auditors ask for it until the end of the year.' });
  }

  /** An implementation that is gone by now; its backups are still there. */
  async #pilot(): Promise<void> {
    const { id } = await addImplementation(this.#context, {
      module: 'crm',
      key: 'campaigns',
      name: 'Campaigns (pilot)',
    });
    const tenant = DEMO_TENANTS.find(({ uses }) => uses.crm === undefined);
    await this.#client.query(
      `INSERT INTO public.tenant_module_assignments (tenant_id, implementation_id, custom_config)
       VALUES ($1, $2, '{"channels": ["email"]}')`,
      [tenant?.id, id],
    );
    await updateSettings(this.#context, { place: { implementation: 'crm/campaigns' }, set: { schedule: null } });
    await this.#backUp('crm/campaigns', 'The beginning of the pilot');
  }

  async #endPilot(): Promise<void> {
    await this.#backUp('crm/campaigns', 'The end of the pilot');
    const gone = `(SELECT id FROM public.module_implementations WHERE key = 'campaigns')`;
    await this.#client.query(`DELETE FROM public.tenant_module_assignments WHERE implementation_id IN ${gone}`);
    await this.#client.query(`DELETE FROM public.module_implementations WHERE id IN ${gone}`);
  }

  async #prove(implementation: string): Promise<void> {
    const { id } = await this.#backUp(implementation, 'For the monthly proof');
    await verifyBackup(this.#context, { backup: id, restore: true });
  }

  /** Somebody begins to migrate a table just when backups begin: they cannot have it in time, and are listed as failed. */
  async #whileLocked(table: string): Promise<void> {
    const { database, settings } = this.#context;
    const lockedLate: Database = {
      label: database.label,
      connect: async (options) => {
        if (options?.applicationName === BEGINNING) await this.#client.query(`LOCK TABLE ${table}`);
        return database.connect(options);
      },
    };
    await this.#client.query('BEGIN');
    try {
      const impatient = { ...settings, lockTimeoutMs: LOCK_TIMEOUT_MS };
      await this.#runSchedules({ ...this.#context, database: lockedLate, settings: impatient });
    } finally {
      await this.#client.query('ROLLBACK');
    }
  }

  /** Longer than it is tried again: then the next night is waited for, and administrators are told. */
  async #fail(table: string): Promise<void> {
    for (const afterMinutes of RETRIES_AFTER_MINUTES) {
      this.#clock.goTo(new Date(this.#clock.now().getTime() + afterMinutes * MINUTE_MS));
      await this.#whileLocked(table);
    }
  }

  /** It is due, and somebody who does nothing has it. */
  async #leaveOverdue(name: string, night: Date): Promise<void> {
    const key = name.split('/')[1] ?? '';
    await this.#client.query(
      'UPDATE cofre.implementation_settings SET claimed_by = $2, claimed_until = $3 WHERE implementation_id = $1',
      [implementationOf(key), ABSENT, new Date(night.getTime() + 2 * HOUR_MS)],
    );
  }
}

const SCHEDULED_LATE = ['inventory/multi-warehouse', 'crm/pipeline'] as const;

const FAILED_NIGHT = 20;
const LOCK_TIMEOUT_MS = 40;

/** What a backup calls the session in which it keeps others away: opened after all that refuses one, before it reads. */
const BEGINNING = 'cofre lock';

/** As pauses double, and each has begun when the one before has ended. */
const RETRIES_AFTER_MINUTES = [0, 1, 2, 4, 8];

const ABSENT = 'worker-2:4711';

/** No pause is believed that is longer than the longest that there is, and two hours: then a clock was wrong. */
const OVERDUE_FOR_MS = 2.5 * HOUR_MS;

function implementationOf(wanted: string): string {
  const found = DEMO_IMPLEMENTATIONS.find(({ key }) => key === wanted);
  assert(found !== undefined, 'the demo has the implementation');
  return found.id;
}

function isSunday(night: Date): boolean {
  return new Intl.DateTimeFormat('en', { weekday: 'short', timeZone: TIME_ZONE }).format(night) === 'Sun';
}
