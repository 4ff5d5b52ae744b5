// config/requests.json and the settings (iparams): templates that the platform takes, listed in the manifest, used by the
// code; secrets in headers alone, and stored as secure ones.

import { withoutComments } from "./scripts.mjs";

const REQUESTS = "config/requests.json";
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const FIELDS = ["protocol", "method", "host", "path", "headers", "query"];
const FQDN = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;
const ONE_SETTING = /^<%= ?(iparam|context)\.\w+ ?%>$/;
const NAMED = /<%=.*?%>/gs;
const SECRET = /key|token|secret|password/i;
const MOST = 100;
/** Templates that are used while installing: only there may the page name host and headers. */
const INSTALLING = /^install_/;

/** Check them; `manifest` may be null. */
export function checkTemplates(app, manifest) {
  const settings = settingsOf(app);
  const templates = app.has(REQUESTS) ? app.json(REQUESTS) : {};
  if (!templates) return;
  const names = Object.keys(templates);
  if (names.length > MOST) app.find(REQUESTS, `has ${names.length} templates`, `${MOST} is the most`);
  for (const [name, template] of Object.entries(templates)) checkTemplate(app, name, template, settings);
  checkListed(app, names, Object.keys(manifest?.modules?.common?.requests ?? {}));
  checkUsed(app, names);
}

/** `{all, secure}`: names of the settings, as the custom install page has them. */
function settingsOf(app) {
  const [page, json] = ["config/iparams.html", "config/iparams.json"].map((file) => app.has(file));
  if (page === json) app.find("config/", "needs iparams.html or iparams.json, and not both", "keep one of them");
  if (!page) return { all: null, secure: new Set() };
  const code = app.ending(".js", { own: true }).filter((file) => file.startsWith("config/assets/"));
  const text = code.map((file) => withoutComments(app.text(file))).join("\n");
  const html = app.text("config/iparams.html");
  const all = new Set([...html.matchAll(/<(?:input|select|textarea)\b[^>]*\bname="(\w+)"/g)].map((match) => match[1]));
  const secure = new Set([...(text.match(/secure: \[([^\]]*)\]/)?.[1] ?? "").matchAll(/"(\w+)"/g)].map((match) => match[1]));
  for (const name of ["getConfigs", "postConfigs", "validate"]) {
    if (!text.includes(`function ${name}(`)) app.find("config/iparams.html", `${name}() is not defined`, "the platform calls it");
  }
  for (const name of [...all].filter((each) => SECRET.test(each) && !secure.has(each))) {
    app.find("config/iparams.html", `${name} looks like a secret and is not secure`, "add it to __meta.secure");
  }
  return { all, secure };
}

function checkTemplate(app, name, { schema = {}, options = {} }, settings) {
  const find = (what, remedy) => app.find(REQUESTS, `${name}: ${what}`, remedy);
  if (!/^[\w-]+$/.test(name)) find("is no name", "letters, digits, _ and - alone");
  for (const key of Object.keys(schema).filter((each) => !FIELDS.includes(each))) find(`schema.${key} is unknown`, FIELDS.join(", "));
  if (!METHODS.includes(schema.method)) find(`${schema.method} is no method`, METHODS.join(", "));
  if ((schema.protocol ?? "https") !== "https") find("is not https", 'set "protocol": "https"');
  checkHost(find, schema.host ?? "");
  if (!(schema.path ?? "/").startsWith("/")) find("the path does not start with /", "start it with /");
  checkOptions(find, options);
  checkNames(find, name, schema, settings);
}

function checkHost(find, host) {
  if (FQDN.test(host) || ONE_SETTING.test(host)) return;
  find(`${host || "nothing"} is no host`, "a full host name without scheme, port and path, or one iparam");
}

function checkOptions(find, { maxAttempts = 1, retryDelay = 0 }) {
  if (!(maxAttempts >= 1 && maxAttempts <= 5)) find("options.maxAttempts is not 1 to 5", "set 1 to 5");
  if (retryDelay % 100 || retryDelay < 0 || retryDelay > 1500) find("options.retryDelay", "a multiple of 100, at most 1500");
}

/** Each `<%= … %>`: known settings, secure ones in headers alone, the page's own values where the platform takes them. */
function checkNames(find, name, schema, { all, secure }) {
  const places = { host: schema.host, path: schema.path, query: schema.query, headers: schema.headers };
  for (const [place, value] of Object.entries(places)) {
    const expressions = (JSON.stringify(value ?? "").match(NAMED) ?? []).join(" ");
    for (const [, kind, key] of expressions.matchAll(/\b(iparam|context)\.(\w+)/g)) {
      if (kind === "iparam" && all && !all.has(key)) find(`iparam.${key} is no setting`, "name a field of iparams.html");
      if (kind === "iparam" && secure.has(key) && place !== "headers") find(`iparam.${key} is secure and stands in ${place}`, "secure settings in headers alone");
      if (kind === "context" && ["host", "headers"].includes(place) && !INSTALLING.test(name)) {
        find(`context.${key} stands in ${place}`, "only templates of the install page (install_…) may do that");
      }
    }
  }
}

function checkListed(app, names, listed) {
  for (const name of names.filter((each) => !listed.includes(each))) {
    app.find("manifest.json", `the template ${name} is not listed`, "add it to modules.common.requests");
  }
  for (const name of listed.filter((each) => !names.includes(each))) {
    app.find("manifest.json", `lists ${name}, which ${REQUESTS} does not have`, "add the template or remove it here");
  }
}

function checkUsed(app, names) {
  const code = app.ending(".js", { own: true }).map((file) => app.text(file)).join("\n");
  for (const name of names.filter((each) => !code.includes(`"${each}"`))) {
    app.find(REQUESTS, `${name} is used nowhere`, "remove it, or use it");
  }
  for (const [, name] of code.matchAll(/\binvokeTemplate\(\s*"([\w-]+)"|\btemplate\(\s*"([\w-]+)"/g)) {
    if (name && !names.includes(name)) app.find(REQUESTS, `the code asks for ${name}, which is not there`, "add the template");
  }
}
