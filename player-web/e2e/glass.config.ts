import { defineConfig, mergeConfig } from 'vitest/config';
import suite from './vitest.config';

/** `make bench`: not a test of the suite, and needs peers that run. */
export default mergeConfig(
  { ...suite, test: { ...suite.test, include: [] } },
  defineConfig({ test: { include: ['e2e/glass.test.ts'], testTimeout: 900_000 } }),
);
