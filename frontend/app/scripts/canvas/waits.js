// How long a sidebar waits before it asks again, by why it does.

/** Pauses in ms, in order. */
export const WAITS = {
  /** After a change of the ticket its webhook may take a moment: pauses between looks, each of which costs a 304. */
  look: [300, 900, 2000, 5000],
  /** A ticket that stays due (a model is down) is followed again, but ever more slowly. */
  again: [0, 300, 1000, 3000, 10_000, 30_000],
  /** After a failure that may pass; then every `slow`, for as long as the ticket is open. */
  retry: [1000, 3000, 8000, 20_000, 60_000],
  slow: 120_000,
  /** Where a run can't be followed: looks at whether it is done. The platform allows 50 a minute for all agents. */
  poll: [1500, 2500, 4000, 6000, 10_000, 15_000, 30_000],
};
