// Freshdesk does not tell an app that the customer has written. So the open Canvas is looked at every few seconds: it
// costs serve a 304 from memory, and only news wakes the sidebar up. Nobody looks for a page that nobody sees.

const EVERY_MS = 5000;

/**
 * Look for news of what `open()` names (`{ticketId, etag}`, or null where nothing rests on the page); `news()` hears of
 * them. Returns what ends it. Where serve can be reached by the platform alone, nobody looks: its calls are counted.
 */
export function lookForNews({ api, open, news, everyMs = EVERY_MS }) {
  let looking = false;
  /** The Canvas whose staleness was told: one that stays stale (a model is down) is the sidebar's business. */
  let told = "";
  const look = async () => {
    const asked = document.hidden || looking ? null : open();
    if (!asked?.etag || api.blocked) return;
    looking = true;
    try {
      const { kind, stale } = await api.init(asked.ticketId, { etag: asked.etag, stream: false });
      const name = `${asked.ticketId} ${asked.etag}`;
      if (open()?.ticketId !== asked.ticketId || (kind === "unchanged" && (!stale || told === name))) return;
      told = name;
      news();
    } catch {
      // The sidebar meets the trouble itself as soon as it is asked for something.
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(look, everyMs);
  return () => clearInterval(timer);
}
