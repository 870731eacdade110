/** The tokens of an installation: settings from control files, read again at HUP; broken ones refuse tokens for now. */
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import { readTokenSettings } from "../../storage/accounts/token_settings.ts";
import type { ControlFiles } from "../../storage/control/control.ts";
import type { TokenOwners } from "./login.ts";
import { CheckedTokens } from "./token_owners.ts";

/** What is needed. */
export interface TokensOptions {
  readonly control: ControlFiles;
  readonly nowMs: () => number;
  readonly log: Logger;
}

/** The owners of tokens by what the control files say at the time. */
export class Tokens implements TokenOwners {
  readonly #options: TokensOptions;
  #current: CheckedTokens | undefined;
  #broken: string | undefined;

  constructor(options: TokensOptions) {
    this.#options = options;
    this.reread();
  }

  /** Reads the control files again; what was kept of tokens is forgotten. */
  reread(): void {
    const { control, nowMs, log } = this.#options;
    this.#current = this.#broken = undefined;
    try {
      const settings = readTokenSettings(control);
      if (settings) this.#current = new CheckedTokens({ settings, nowMs });
    } catch (error) {
      if (!(error instanceof Permanent || error instanceof Temporary)) throw error;
      this.#broken = errorText(error);
      log.line(`inlookup: warning: tokens are not taken: ${this.#broken}`);
    }
  }

  /** Name of the token's owner; undefined when it is not good, or tokens are not taken at all. */
  async ownerOf(token: string): Promise<string | undefined> {
    if (this.#broken !== undefined) throw new Temporary(`tokens are not taken: ${this.#broken}`);
    return await this.#current?.ownerOf(token);
  }
}
