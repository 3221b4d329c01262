/** Which part may know which: see CONTRIBUTING.md. */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'libs-know-no-app',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^apps/' },
    },
    {
      name: 'apps-know-no-other-app',
      severity: 'error',
      from: { path: '^apps/([^/]+)/src' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'machine-knows-no-wire',
      comment: 'The domain speaks to agents through a port; gRPC is an adapter of the server.',
      severity: 'error',
      from: { path: '^libs/machine' },
      to: { path: '^libs/proto|@grpc|@nestjs/microservices' },
    },
    {
      name: 'child-processes-only-behind-their-doors',
      severity: 'error',
      from: {
        path: '^(apps|libs)/[^/]+/src',
        pathNot: '^libs/(supervisor|engines)/|^apps/gopher-agent/src/host/|\\.spec\\.ts$',
      },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'no-barrel-inside-its-own-lib',
      severity: 'error',
      from: { path: '^libs/([^/]+)/src/.+', pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/$1/src/index\\.ts$' },
    },
    {
      name: 'no-tests-in-production',
      severity: 'error',
      from: { path: '^(apps|libs)/[^/]+/src', pathNot: '\\.spec\\.ts$' },
      to: {
        path: '/test/|\\.spec\\.ts$|^libs/machine/src/testing',
        pathNot: '^libs/machine/src/testing/.*',
      },
    },
    {
      name: 'not-to-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/|libs/proto/src/gen' },
    tsConfig: { fileName: 'tsconfig.test.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['gopher-source', 'import', 'require', 'node', 'default'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
