// Written by frontend/crayons/copy.mjs from @freshworks/crayons 4.2.0 (MIT, see LICENSE.md).
import { b as bootstrap } from "./p-d6a83339.js";

globalThis.__sc_import_crayons = (path) => import(path);
bootstrap([["p-13be0b68",[[1,"fw-spinner",{"size":[1],"color":[1]}]]],["p-9745e69e",[[1,"fw-button",{"type":[1],"color":[1],"size":[1],"disabled":[516],"loading":[4],"showCaretIcon":[4,"show-caret-icon"],"modalTriggerId":[1,"modal-trigger-id"],"fileUploaderId":[1,"file-uploader-id"],"throttleDelay":[2,"throttle-delay"],"hasLabel":[32],"hasBeforeLabel":[32],"hasAfterLabel":[32],"setFocus":[64]}]]]], { resourcesUrl: new URL(".", import.meta.url).href });
