// What `fdk validate` objects to (complexity above 7, eval, alert, async without await, unused names), and this project's
// own rules: short modules, and no way from text to markup or code.

import js from "@eslint/js";

import branches from "./lint/branches.js";

const BROWSER = (
  "AbortController AbortSignal Blob ClipboardItem CSS CustomEvent DOMException Event EventTarget FormData Headers HTMLElement Intl " +
  "IntersectionObserver MutationObserver Node PerformanceObserver Request ResizeObserver Response TextDecoder " +
  "TextEncoder URL URLSearchParams addEventListener cancelAnimationFrame clearInterval clearTimeout console crypto " +
  "document fetch history innerHeight innerWidth localStorage location matchMedia navigator parent performance " +
  "postMessage queueMicrotask removeEventListener requestAnimationFrame requestIdleCallback sessionStorage " +
  "setInterval setTimeout structuredClone window"
).split(" ");
const NODE = ["Buffer", "process"];
const TESTS = ["Element", "KeyboardEvent", "MouseEvent", "ReadableStream", "dispatchEvent"];
const globals = (names) => Object.fromEntries(names.map((name) => [name, "readonly"]));
const MARKUP = ["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "srcdoc", "createContextualFragment"];

export default [
  { ignores: ["node_modules/", "coverage/", "dist/", "**/crayons/"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: globals(BROWSER) },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { app: { rules: { complexity: branches } } },
    rules: {
      "app/complexity": ["error", 7],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "max-lines": ["error", { max: 300 }],
      "max-len": ["error", { code: 140, ignoreStrings: true, ignoreTemplateLiterals: true }],
      "no-alert": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-restricted-properties": ["error", { object: "document", property: "write" }, ...MARKUP.map((property) => ({ property }))],
      "no-script-url": "error",
      "no-unused-vars": ["error", { args: "after-used", argsIgnorePattern: "^_", caughtErrors: "all" }],
      "no-var": "error",
      "prefer-const": "error",
      "require-await": "error",
    },
  },
  { files: ["validate/**", "validate.mjs", "crayons/**", "lint/**"], rules: { "app/complexity": ["error", 15] } },
  { files: ["config/assets/iparams.js"], languageOptions: { sourceType: "script" } },
  { files: ["tests/**", "*.config.js", "**/*.mjs"], languageOptions: { globals: globals(NODE) } },
  {
    files: ["tests/**"],
    languageOptions: { globals: globals(TESTS) },
    rules: { "app/complexity": ["error", 15], "require-await": "off", "no-script-url": "off", "max-len": "off", "no-restricted-properties": "off" },
  },
];
