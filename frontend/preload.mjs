// Writes into each page which modules it reaches (see validate/reached.mjs): `node frontend/preload.mjs`, after a module
// has come or gone. validate.mjs notices where that was forgotten.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { AppPackage } from "./validate/package.mjs";
import { withPreloads } from "./validate/reached.mjs";

const app = new AppPackage(fileURLToPath(new URL(".", import.meta.url)));
for (const page of app.ending(".html")) writeFileSync(app.path(page), withPreloads(app, page));
