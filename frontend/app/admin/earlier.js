// Ended backfills that were watched from this page, kept in the platform's key-value store: it is the installation's own,
// holds 40 KB a key, and no secret goes in. Where it fails the list stays empty; nothing depends on it.

import { bounded } from "../scripts/freshdesk/fdk_calls.js";

const KEY = "backfills";
const MOST = 10;
const KEPT = ["id", "state", "started_ms", "ended_ms", "computed", "waiting", "dead", "unprepared", "cost"];

/** The ended backfills, the newest first: objects with the fields of `KEPT`. */
export async function earlierRuns(client) {
  try {
    const found = await bounded(() => client.db.get(KEY));
    return Array.isArray(found?.runs) ? found.runs.filter((run) => run && typeof run.id === "string") : [];
  } catch {
    return []; // the store answers an unknown key with an error
  }
}

/** Keep one that has ended. */
export async function remember(client, progress) {
  const kept = Object.fromEntries(KEPT.map((name) => [name, progress[name]]));
  const others = (await earlierRuns(client)).filter(({ id }) => id !== progress.id);
  const runs = [kept, ...others].slice(0, MOST);
  await bounded(() => client.db.set(KEY, { runs })).catch(() => {});
}
