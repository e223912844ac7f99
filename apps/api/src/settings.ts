/** What the API needs to know of its installation. */
export interface Settings {
  /** Our account at the rail, which payments must name as receiver. */
  readonly railReceiver: string;
  /** The clock only moves by the clock route; every rail must be a sandbox. */
  readonly virtualClock: boolean;
  /** No rail moves real money. */
  readonly isSandbox: boolean;
}
/** For the body of an upload to arrive, and for a download that stands still. */
export const uploadTimeoutMs = 120_000;
/** Largest request body but for uploads. */
export const maxBodyBytes = 65_536;
/** The most units one query asks for. */
export const maxUnitsOfQuery = 1_000;
/** So many units fit whatever their orders are called. */
export const largerBodies = { '/eligibility/query': 131_072 } as const;
