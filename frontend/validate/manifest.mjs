// manifest.json: platform 3.0, its modules and locations, and that each file it names is there.

const PRODUCTS = ["support_ticket", "support_email", "support_contact", "support_company", "support_agent", "support_portal"];
const LOCATIONS = {
  common: ["full_page_app", "cti_global_sidebar"],
  support_ticket: [
    "ticket_sidebar",
    "ticket_requester_info",
    "ticket_top_navigation",
    "ticket_background",
    "time_entry_background",
    "ticket_attachment",
    "ticket_conversation_editor",
    "new_ticket_requester_info",
    "new_ticket_background",
  ],
};
/** Of platform 2.x. */
const OLD = ["product", "whitelisted-domains", "name"];
const MANIFEST = "manifest.json";

/** Check it; returns the manifest, or null. */
export function checkManifest(app) {
  if (!app.has(MANIFEST)) {
    app.find(MANIFEST, "is missing", "an app starts with it");
    return null;
  }
  const manifest = app.json(MANIFEST);
  if (!manifest) return null;
  if (manifest["platform-version"] !== "3.0") app.find(MANIFEST, "is not of platform 3.0", 'set "platform-version": "3.0"');
  for (const key of OLD.filter((name) => name in manifest)) app.find(MANIFEST, `"${key}" is of platform 2.x`, "remove it");
  checkEngines(app, manifest.engines);
  checkModules(app, manifest.modules ?? {});
  return manifest;
}

function checkEngines(app, engines = {}) {
  for (const name of ["node", "fdk"]) {
    if (!/^\d+\.\d+\.\d+$/.test(engines[name] ?? "")) app.find(MANIFEST, `engines.${name} is no version`, "name it as 9.8.2");
  }
}

function checkModules(app, modules) {
  const products = Object.keys(modules).filter((name) => name !== "common");
  if (!modules.common) app.find(MANIFEST, "has no modules.common", "requests belong there");
  if (!products.length) app.find(MANIFEST, "has no product module", "add support_ticket");
  for (const name of products.filter((each) => !PRODUCTS.includes(each))) {
    app.find(MANIFEST, `${name} is no module of Freshdesk`, `one of ${PRODUCTS.join(", ")}`);
  }
  for (const [name, module] of Object.entries(modules)) checkModule(app, name, module);
}

function checkModule(app, name, module) {
  for (const block of ["requests", "functions", "events"]) {
    if (module[block] && !Object.keys(module[block]).length) app.find(MANIFEST, `${name}.${block} is empty`, "leave it out");
    if (block === "requests" && module[block] && name !== "common") {
      app.find(MANIFEST, `${name}.requests is in a product module`, "move it to modules.common");
    }
  }
  for (const [location, place] of Object.entries(module.location ?? {})) checkLocation(app, name, location, place);
}

function checkLocation(app, module, location, { url = "", icon = "" }) {
  if (LOCATIONS[module] && !LOCATIONS[module].includes(location)) {
    app.find(MANIFEST, `${location} is no location of ${module}`, `one of ${LOCATIONS[module].join(", ")}`);
  }
  if (!app.has(`app/${url}`)) app.find(MANIFEST, `${location} opens app/${url}, which is not there`, "name an existing page");
  if (location.endsWith("_background")) return;
  if (!app.has(`app/${icon}`)) app.find(MANIFEST, `the icon of ${location} (app/${icon}) is not there`, "name an SVG file");
  else checkIcon(app, `app/${icon}`);
}

function checkIcon(app, file) {
  const text = file.endsWith(".svg") ? app.text(file) : "";
  if (!/<svg[^>]*\bwidth="64"[^>]*\bheight="64"/.test(text)) app.find(file, "is no SVG of 64 × 64", 'width="64" height="64"');
  if (/<script|\son\w+=|javascript:|<foreignObject|href="(?!#)/i.test(text)) {
    app.find(file, "holds a script or a link", "shapes alone belong into an icon");
  }
}
