/**
 * The arrows between packages (docs/architecture.md). Each rule says why it is there; `script/check-boundaries.ts` runs
 * them and refuses to pass when it did not see every source file.
 */
const sourceOf = (name) => `^(packages|apps)/${name}/src/`;
const TESTS = String.raw`\.test\.ts$`;

/** A package may import what stands above it in the list, never what stands below or beside. */
const layer = (name, mayImport, comment) => ({
  name: `${name}-arrows`,
  comment,
  severity: 'error',
  from: { path: sourceOf(name), pathNot: TESTS },
  to: { path: '^(packages|apps|tests|script)/', pathNot: [name, ...mayImport].map(sourceOf) },
});

const onlyNpm = (name, packages, comment) => ({
  name: `${name}-packages`,
  comment,
  severity: 'error',
  from: { path: sourceOf(name), pathNot: TESTS },
  to: {
    dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'],
    pathNot: packages.map((it) => `node_modules/(@types/)?${it}(/|$)`),
  },
});

const onlyBuiltins = (name, modules, comment) => ({
  name: `${name}-builtins`,
  comment,
  severity: 'error',
  from: { path: sourceOf(name), pathNot: TESTS },
  to: { dependencyTypes: ['core'], pathNot: modules.map((it) => `^(node:)?${it}$`) },
});

module.exports = {
  forbidden: [
    layer('contracts', [], 'contracts is what every edge shares, the browser too: it stands on nothing of ours.'),
    onlyNpm('contracts', ['zod'], 'contracts is loaded by every edge, the browser too: zod and nothing else.'),
    onlyBuiltins('contracts', [], 'contracts also runs in browsers and Deno, which have no Node modules.'),

    layer(
      'engine',
      ['contracts'],
      'The engine says what a backup is; where bytes and rows come from is a port, so that it can be tested and moved without them.',
    ),
    onlyNpm(
      'engine',
      ['zod'],
      'The engine stands on no library: the format must be readable for as long as there is a Node. zod parses what it reads back.',
    ),
    onlyBuiltins(
      'engine',
      ['crypto', 'stream(/promises)?', 'buffer', 'util'],
      'The engine does no I/O and has no environment (files, network, processes, compression are ports), so that it runs in edge functions as it stands.',
    ),

    layer(
      'postgres',
      ['contracts', 'engine'],
      'postgres reads and writes slices; where backups are kept is none of its business.',
    ),
    layer('storage', ['contracts', 'engine'], 'storage keeps objects; it knows neither rows nor databases.'),
    onlyNpm(
      'storage',
      ['@aws-sdk', '@smithy', '@bokuweb/zstd-wasm', 'zod'],
      'storage keeps objects; it knows neither rows nor databases.',
    ),

    layer(
      'services',
      ['contracts', 'engine', 'postgres', 'storage'],
      'Use cases are called by edges and know none of them.',
    ),
    {
      name: 'services-know-no-edge',
      comment:
        'The same use case serves the command line, the web and the worker: a framework of one of them would tie it to that edge.',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: 'node_modules/(next|react|hono|commander|@clack|cli-progress)(/|$)' },
    },

    layer(
      'setup',
      ['contracts', 'engine', 'postgres', 'storage', 'services'],
      'setup builds what edges work with; what they do with it is theirs.',
    ),
    layer(
      'worker',
      ['contracts', 'services'],
      'The worker is handed what it works with: it knows neither environment nor store nor database.',
    ),
    layer(
      'cli',
      ['contracts', 'engine', 'postgres', 'storage', 'services', 'setup', 'worker'],
      'Apps share use cases, not code of each other. The worker is the exception: `cofre worker` is how it is started.',
    ),
    layer(
      'reader',
      ['contracts', 'engine', 'storage'],
      'The reader must work when everything but a repository is lost: no database, no use cases, no packages.',
    ),
    layer(
      'functions',
      ['contracts', 'engine', 'postgres', 'storage', 'services'],
      'Apps share use cases, not code of each other.',
    ),
    onlyBuiltins(
      'functions',
      ['buffer', 'crypto', 'process', 'timers', 'tls'],
      'A hosted function has no disk, no processes and no threads; what else it needs comes from the packages.',
    ),
    {
      name: 'web-arrows',
      comment: 'The web admin calls use cases; everything below them is theirs.',
      severity: 'error',
      from: { path: sourceOf('web'), pathNot: TESTS },
      to: {
        path: '^(packages|apps|tests|script)/',
        pathNot: [...['web', 'contracts', 'services', 'setup'].map(sourceOf), '^apps/web/messages/'],
      },
    },
    {
      name: 'web-browser-knows-no-server',
      comment:
        'Components and lib also run in browsers: what is read there is handed to them by a page, what is changed goes through an action.',
      severity: 'error',
      from: { path: String.raw`^apps/web/src/(components|lib|embed/browser|app/.+/components)/`, pathNot: TESTS },
      to: { path: ['^apps/web/src/server/', '^packages/(?!contracts/)'] },
    },
    {
      name: 'web-browser-loads-no-schemas',
      comment: 'The contracts bring zod with them; a browser needs their types alone.',
      severity: 'error',
      from: { path: String.raw`^apps/web/src/(components|lib|embed/browser|app/.+/components)/`, pathNot: TESTS },
      to: { path: '^packages/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'enter-by-the-front-door',
      comment: 'What a package exports stands in its index.ts; other files may be renamed at any time.',
      severity: 'error',
      from: { path: '^(packages|apps)/([^/]+)/' },
      to: {
        path: '^(packages/[^/]+|apps/worker)/src/',
        pathNot: ['^(packages|apps)/$2/', '^(packages|apps)/[^/]+/src/index[.]ts$'],
      },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other to run are one file, or lack a third. Types alone may go round.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-tests-in-products',
      comment: 'What users run must not need what only the checkout has.',
      severity: 'error',
      from: { path: '^(packages|apps)/', pathNot: TESTS },
      to: { path: ['^tests/', TESTS, '^node_modules/(vitest|fast-check)/'] },
    },
    {
      name: 'must-resolve',
      comment: 'An import that leads nowhere hides whatever rules stand behind it.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: String.raw`(^|/)(dist|\.next[^/]*)/` },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
