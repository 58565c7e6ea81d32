import type { DoctorDocument } from '@cofre/contracts';

export type Check = DoctorDocument['checks'][number];

/** What a look at one thing found; the name is given by who looked. */
export type Finding = Omit<Check, 'name'>;
