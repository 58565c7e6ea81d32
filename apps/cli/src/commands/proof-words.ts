import type { CheckDocument, ProofDocument } from '@cofre/contracts';
import { oneLine, textTable } from '../output/text-table.ts';
import { counted, formatCount, formatDuration, shortId } from '../output/words.ts';
import { describeCheck } from './repo.ts';

/** What `backup verify` found: bytes, and with `--restore` what came back of them. */
export function describeVerification(check: CheckDocument): string {
  if (check.proof !== undefined) return describeProven(check, check.proof);
  if (check.proofs === undefined) return describeCheck(check);
  return describeAll(check, check.proofs);
}

function describeProven({ checked, damage }: CheckDocument, proof: ProofDocument): string {
  // The bytes were found whole, or there would be no proof; what is hurt are tables.
  const bytes = describeCheck({ ok: true, checked, damage: [] });
  const rows = proof.tables.reduce((sum, table) => sum + table.rows, 0);
  const took = formatDuration(proof.durationMs);
  const notChecked = describeNotChecked(proof);
  if (proof.error === undefined) {
    const what = `${counted(rows, 'row')} of ${counted(proof.tables.length, 'table')}`;
    const proven = `Proven: ${what} came back from a scratch schema byte for byte, in ${took}. Nothing of it is left.`;
    return [bytes, proven, ...notChecked].join('\n');
  }
  const faults = proof.tables.flatMap(({ table, fault }) =>
    fault === undefined ? [] : [[table, fault.kind, oneLine(fault.detail)]],
  );
  return [
    bytes,
    `Not proven: ${counted(damage.length, 'table')} did not come back as ${damage.length === 1 ? 'it' : 'they'} went in.`,
    textTable(['TABLE', 'FAULT', 'WHY'], faults),
    proof.error.hint,
    ...notChecked,
  ].join('\n');
}

function describeNotChecked({ notChecked }: ProofDocument): string[] {
  if (notChecked.length === 0) return [];
  const rows = notChecked.map(({ table, kind, name, detail }) => [table, kind, name ?? '', oneLine(detail)]);
  return ['Not checked:', textTable(['TABLE', 'WHAT', 'NAME', 'WHY'], rows)];
}

function describeAll(check: CheckDocument, proofs: NonNullable<CheckDocument['proofs']>): string {
  const rows = proofs.map(({ backupId, implementation, tables, error, notChecked, durationMs }) => [
    `${implementation.module}/${implementation.key}`,
    shortId(backupId),
    error === undefined ? 'proven' : 'NOT PROVEN',
    formatCount(tables.reduce((sum, table) => sum + table.rows, 0)),
    formatCount(notChecked.length),
    formatDuration(durationMs),
    error === undefined ? '' : oneLine(error.message),
  ]);
  const headers = ['IMPLEMENTATION', 'BACKUP', 'PROOF', 'ROWS', 'NOT CHECKED', 'TOOK', 'WHY'];
  const failed = check.failed ?? [];
  return [
    describeCheck({
      ...check,
      damage: check.damage.filter(({ kind }) => !kind.startsWith('not-proven')),
      ok: !hasDamagedBytes(check),
    }),
    ...(rows.length > 0 ? [textTable(headers, rows, { right: ['ROWS', 'NOT CHECKED', 'TOOK'] })] : []),
    ...failed.map(({ implementation, error }) => `${implementation} failed: ${oneLine(error.message)} ${error.hint}`),
    ...(rows.length + failed.length + check.damage.length === 0 ? ['There is no completed backup to prove.'] : []),
  ].join('\n');
}

function hasDamagedBytes({ damage }: CheckDocument): boolean {
  return damage.some(({ kind }) => !kind.startsWith('not-proven'));
}
