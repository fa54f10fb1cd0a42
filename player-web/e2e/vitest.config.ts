import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['e2e/suite.test.ts'],
    environment: 'node',
    retry: 0,
    reporters: ['verbose'],
    disableConsoleIntercept: true,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
