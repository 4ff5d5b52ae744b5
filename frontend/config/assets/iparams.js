// The three functions that Freshworks' install page calls, there from the first moment on. The form itself is page.js:
// a module, and so loaded later; what was asked before it came is kept for it.

/* exported getConfigs, postConfigs, validate */
const installPage = { stored: null, form: null };
globalThis.installPage = installPage;

/** The stored values, when the settings are opened again. */
function getConfigs(stored) {
  installPage.stored = stored;
  installPage.form?.fill(stored);
}

/** The values to store: `{backend, freshdesk_domain, api_key, …, __meta: {secure: ["api_key"]}}`. */
function postConfigs() {
  return installPage.form?.collect() ?? {};
}

/** Whether they may be stored; if not, the form says why. */
function validate() {
  return installPage.form?.valid() ?? false;
}
