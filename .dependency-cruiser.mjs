// The arrows between the rooms: which folder may import which. `npm run check` refuses every other import.
// https://github.com/sverweij/dependency-cruiser/blob/main/doc/rules-reference.md
// It reads TypeScript by the compiler's JavaScript API, which version 7 no longer has: so `typescript` is version 6 here, and
// `typescript-7` compiles.

/**
 * The rooms of src/, from the bottom up, each with the rooms that it may import. `engine` is its port: the files at the root
 * of src/engine, without what implements them.
 */
const rooms = {
  errors: [],
  'json-schema': [],
  model: [],
  engine: ['model'],
  config: ['engine'],
  archive: ['config', 'engine'],
  telemetry: ['config', 'engine', 'errors'],
  generation: ['telemetry', 'engine', 'errors'],
  chat: ['json-schema', 'engine', 'errors'],
  api: ['generation', 'chat', 'json-schema', 'telemetry', 'engine', 'errors'],
  http: ['api', 'generation', 'telemetry', 'config', 'errors', 'json-schema'],
  lambda: ['http', 'api', 'generation', 'telemetry', 'config', 'engine', 'errors', 'json-schema'],
  server: ['http', 'api', 'generation', 'telemetry', 'config', 'errors', 'json-schema'],
  batch: ['lambda', 'http', 'api', 'generation', 'telemetry', 'config', 'errors', 'json-schema'],
  startup: [
    'server',
    'lambda',
    'http',
    'api',
    'chat',
    'telemetry',
    'config',
    'engine',
    'model',
    'errors',
    'archive',
  ],
};

/** What is behind the engine's port: only these rooms may name an implementation. */
const mayNameImplementations = ['engine', 'lambda', 'startup'];

const inRoom = (room) => `^src/${room}/`;

const arrows = Object.entries(rooms).map(([room, allowed]) => ({
  name: `src/${room}`,
  comment: `src/${room} may import ${['itself', ...allowed.map((other) => `src/${other}`)].join(', ')}.`,
  severity: 'error',
  from: { path: inRoom(room) },
  to: { path: '^(src|tools|functions|tests|bench)/', pathNot: [room, ...allowed].map(inRoom) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...arrows,
    {
      name: 'no-room-of-its-own',
      comment: 'Every file of src/ lies in one of the rooms that this configuration names.',
      severity: 'error',
      from: { path: '^src/', pathNot: Object.keys(rooms).map(inRoom) },
      to: {},
    },
    {
      name: 'engine-port',
      comment: 'Import the engine by its port, the files at the root of src/engine.',
      severity: 'error',
      from: { path: '^src/', pathNot: mayNameImplementations.map(inRoom) },
      to: { path: '^src/engine/[^/]+/' },
    },
    {
      name: 'one-importer-of-the-native-library',
      comment:
        'Only src/engine/llama/llama-addon.ts imports the native library. Two other places read GGUF headers and download ' +
        'models by the JavaScript of the same package.',
      severity: 'error',
      from: {
        path: '^(src|functions|tools)/',
        pathNot: ['^src/engine/llama/llama-addon[.]ts$', '^src/model/gguf-facts[.]ts$', '^tools/store/'],
      },
      to: { path: '(^|/)@?node-llama-cpp' },
    },
    {
      name: 'functions',
      comment: "A handler imports the rooms of src/, and a function's folder has nothing but its handler.",
      severity: 'error',
      from: { path: '^functions/' },
      to: { path: '^(tools|tests|bench|functions)/' },
    },
    {
      name: 'product-without-tools',
      comment:
        'Tools, tests and benchmarks may use the product, never the reverse; the product uses no test.',
      severity: 'error',
      from: { path: '^(functions|src|tools)/' },
      to: { path: '^(tests|bench)/' },
    },
    {
      name: 'no-circle',
      comment: 'No file needs itself while it loads. Types are erased, so they do not count.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-circle-between-folders',
      comment: 'Folders import each other in one direction.',
      severity: 'error',
      scope: 'folder',
      from: {},
      to: { circular: true },
    },
    {
      name: 'unresolved',
      comment: "The import leads nowhere. ('aws-lambda' has types only.)",
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^(node:|aws-lambda$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.mjs', '.js'],
    },
  },
};
