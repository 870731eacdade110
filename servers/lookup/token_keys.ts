/**
 * The keys that sign tokens, fetched from where control/oauthjwks says and kept: read again every hour, and when a token
 * names a key that is not known, but then not more often than every REFETCH_MS: anybody can make up key names.
 */
import { errorText, Temporary } from "../../core/errors.ts";
import type { AskTokenServer } from "./token_http.ts";
import { keysFor, parseKeySet, type SignedToken, type SigningKey } from "./token_signature.ts";

/** How long keys are believed to be all there are. */
const KEPT_MS = 3_600_000;
/** The least time between two fetches, whether the first went well or not. */
const REFETCH_MS = 30_000;
/** How long keys that cannot be fetched again are still used. */
const STALE_MS = 24 * 3_600_000;

/** What a set needs. */
export interface KeyStoreOptions {
  /** URLs, and paths of files. */
  readonly places: readonly string[];
  readonly ask: AskTokenServer;
  readonly nowMs: () => number;
}

/** The keys of all places together. */
export class KeyStore {
  readonly #options: KeyStoreOptions;
  #keys: readonly SigningKey[] = [];
  #fetchedMs = -Infinity;
  #triedMs = -Infinity;
  #trouble: Temporary | undefined;
  #fetching: Promise<void> | undefined;

  constructor(options: KeyStoreOptions) {
    this.#options = options;
  }

  /** The keys that may have signed a token. Throws Temporary when there is none and the places cannot be asked. */
  async keysFor(token: SignedToken): Promise<readonly SigningKey[]> {
    const nowMs = this.#options.nowMs();
    const known = keysFor(token, this.#keys);
    const isOld = nowMs - this.#fetchedMs > KEPT_MS;
    if ((known.length > 0 && !isOld) || nowMs - this.#triedMs < REFETCH_MS && !this.#fetching) {
      return this.#usable(known, nowMs);
    }
    this.#fetching ??= this.#fetch().finally(() => this.#fetching = undefined);
    await this.#fetching;
    return this.#usable(keysFor(token, this.#keys), nowMs);
  }

  #usable(keys: readonly SigningKey[], nowMs: number): readonly SigningKey[] {
    if (this.#trouble && (keys.length === 0 || nowMs - this.#fetchedMs > STALE_MS)) throw this.#trouble;
    return keys;
  }

  async #fetch(): Promise<void> {
    this.#triedMs = this.#options.nowMs();
    try {
      const sets = await Promise.all(this.#options.places.map((place) => this.#keysOf(place)));
      this.#keys = sets.flat();
      this.#fetchedMs = this.#triedMs;
      this.#trouble = undefined;
    } catch (error) {
      if (!(error instanceof Temporary)) throw error;
      this.#trouble = error;
    }
  }

  async #keysOf(place: string): Promise<readonly SigningKey[]> {
    const keys = await parseKeySet(place.startsWith("/") ? await readJson(place) : await this.#options.ask(place, {}));
    if (!keys) throw new Temporary(`${place} is no set of keys (JWKS)`);
    return keys;
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    throw new Temporary(`cannot read ${path}: ${errorText(error)}`);
  }
}
