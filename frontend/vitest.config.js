// Unit tests of the app's own modules: a real DOM (jsdom) that each file of tests opens for itself, real requests over
// HTTP. Freshworks asks for 80 % of each figure; what is copied (Crayons) is not ours to test.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.js"],
    pool: "threads",
    poolOptions: { threads: { minThreads: 1, maxThreads: 2, isolate: false } },
    testTimeout: 15_000,
    coverage: {
      provider: "v8",
      experimentalAstAwareRemapping: true,
      include: ["app/scripts/**/*.js", "app/admin/**/*.js", "config/assets/*.js"],
      reporter: ["text", "json-summary"],
      thresholds: { statements: 80, branches: 80, functions: 80, lines: 80 },
    },
  },
});
