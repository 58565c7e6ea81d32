import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { listBackups, verifyBackup } from '../../packages/services/src/index.ts';
import { type Certificate, makeCertificate } from '../support/certificates.ts';
import { builtFunctions, DENOS, EdgeFunction } from '../support/edge-function.ts';
import { AUTHORIZED, createFunctionShop, type FunctionShop } from '../support/function-shop.ts';
import { type OwnServer, startOwnServer } from '../support/own-server.ts';
import { s3Address } from '../support/s3-server.ts';
import { S3Stub } from '../support/s3-stub.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const trusted = getCACertificates('default');

let certificate: Certificate;
let folder: string;
let built: Awaited<ReturnType<typeof builtFunctions>>;
let s3: S3Stub;
let own: OwnServer;
let scene: FunctionShop;
beforeAll(async () => {
  certificate = await makeCertificate();
  folder = await mkdtemp(path.join(tmpdir(), 'cofre-authority-'));
  await writeFile(authorityFile(), certificate.authority);
  // Node's side of it, in this process.
  setDefaultCACertificates([...trusted, certificate.authority]);
  built = await builtFunctions();
  s3 = await S3Stub.start({ tls: certificate });
  own = await startOwnServer({ tls: certificate });
  scene = await createFunctionShop(own.server, s3);
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await own[Symbol.asyncDispose]();
  await s3.close();
  await built[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
  setDefaultCACertificates(trusted);
});

const authorityFile = () => path.join(folder, 'authority.crt');

// What the hosted platform runs. The current one wants `--allow-sys` for the machine's authorities (the guide says so).
const denos = DENOS.slice(0, 1);

describe.each(denos)('over TLS under Deno $version', (deno) => {
  const start = (variables: Readonly<Record<string, string>>) =>
    EdgeFunction.start({
      deno,
      folder: built.folder,
      name: 'execute-scheduled-backups',
      variables: { ...scene.variables, ...variables },
    });
  const trusting = () => ({ DENO_CERT: authorityFile() });

  it.each([
    ['DENO_CERT names', trusting],
    ['the system’s store holds', () => ({ SSL_CERT_FILE: authorityFile(), DENO_TLS_CA_STORE: 'mozilla,system' })],
  ])('database and bucket are used as any others, where %s their authority', async (_name, variables) => {
    await scene.makeDue();
    await using edge = await start(variables());
    const { body } = await edge.call({ headers: AUTHORIZED });
    expect(body, edge.log).toEqual({ done: 2, failed: [], deferred: 0, left: 0 });
    const { items } = await listBackups(scene.node(), {});
    for (const { id } of items) expect(await verifyBackup(scene.node(), { backup: id })).toMatchObject({ ok: true });
  });

  it.each([
    ['an authority that nobody named', () => ({})],
    [
      'another name',
      () => ({
        ...trusting(),
        DATABASE_URL: (scene.variables['DATABASE_URL'] ?? '').replace('@localhost', '@127.0.0.1'),
      }),
    ],
  ])('a database whose certificate is of %s is refused before the password is sent', async (_name, variables) => {
    await using edge = await start(variables());
    const { status, body, text } = await edge.call({ headers: AUTHORIZED });
    expect({ status, body }).toMatchObject({ status: 500, body: { error: { code: 'database/unreachable' } } });
    expect(text).toContain('certificate');
  });

  it('a bucket whose certificate is of an authority that nobody named is refused before anything is sent', async () => {
    const stranger = await S3Stub.start({ tls: await makeCertificate() });
    try {
      await using edge = await start({ ...trusting(), COFRE_REPOSITORY: s3Address(stranger, 'shop') });
      await scene.makeDue();
      const { status, body } = await edge.call({ headers: AUTHORIZED });
      expect({ status, body }).toMatchObject({ status: 500, body: { error: { code: 'storage/unavailable' } } });
      expect(stranger.requests).toEqual([]);
    } finally {
      await stranger.close();
    }
  });
});
