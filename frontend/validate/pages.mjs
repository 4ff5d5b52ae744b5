// Pages, styles and pictures: nothing inline, nothing from elsewhere, every file that is named is there.

import { dirname, join } from "node:path/posix";

const CLIENT = '<script src="{{{appclient}}}"></script>';
/** Names of formats, which nobody fetches. */
const FORMAT = /^http:\/\/www\.w3\.org\//;

/** Check them. */
export function checkPages(app) {
  for (const file of app.ending(".html")) checkPage(app, file);
  for (const file of app.ending(".css")) checkStyle(app, file);
  for (const file of [...app.ending(".html"), ...app.ending(".css"), ...app.ending(".svg")]) checkOrigins(app, file, app.text(file));
}

function checkPage(app, file) {
  const text = app.text(file).replace(/<!--.*?-->/gs, "");
  const find = (what, remedy) => app.find(file, what, remedy);
  if (!text.includes(CLIENT)) find("does not load the platform's client", `add ${CLIENT}`);
  if (/<script(?![^>]*\bsrc=)/i.test(text) || /<script[^>]*>\s*[^\s<]/i.test(text)) find("has an inline script", "move it to a file");
  if (/<style\b|\sstyle=/i.test(text)) find("has an inline style", "move it to a style sheet");
  if (/\son\w+\s*=/i.test(text)) find("has an inline handler", "use addEventListener");
  if (/javascript:/i.test(text)) find("has a javascript: address", "use a button");
  if (!/<html lang="\w/.test(text)) find("names no language", 'start with <html lang="en">');
  for (const [, , address] of text.matchAll(/\s(src|href)="([^"]*)"/g)) checkFile(app, file, address);
}

function checkStyle(app, file) {
  const text = app.text(file).replace(/\/\*.*?\*\//gs, "");
  if (/@import/.test(text)) app.find(file, "imports a style sheet", "link it in the page");
  for (const [, address] of text.matchAll(/url\(\s*["']?([^"')]+)/g)) checkFile(app, file, address);
}

function checkFile(app, file, address) {
  if (address === "{{{appclient}}}" || /^(#|data:image\/|\w+:\/\/|\/\/)/.test(address)) return;
  const path = join(dirname(file), address.replace(/[?#].*$/, ""));
  if (!app.has(path)) app.find(file, `names ${address}, which is not there`, "mend the path");
}

/** Addresses of other machines in a text: `https://…` and `//host/…`. */
export function checkOrigins(app, file, text) {
  const addresses = [...text.matchAll(/\b(?:https?|wss?):\/\/[\w.-]+\S*|["'(]\/\/[\w-]+\.[\w.-]+/gi)].map(String);
  for (const address of addresses.filter((each) => !FORMAT.test(each))) {
    app.find(file, `names a foreign address: ${address.slice(0, 60)}`, "host it in the package, or make it a setting");
  }
}
