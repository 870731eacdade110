/** Folders outside the installation that users' homes are in, for the fences of the roles: control/mailroots. */
import { Permanent } from "../../core/errors.ts";
import type { Paths } from "../../core/paths.ts";
import type { Command } from "../../storage/accounts/command.ts";
import type { Row } from "../../storage/accounts/database.ts";
import { openMailRoot } from "../../storage/accounts/mail_roots.ts";
import { checkFolder } from "../../storage/accounts/names.ts";
import { letterRange } from "../../storage/accounts/user_dir.ts";

/** Gathers the folders as users go by. */
export class HomeRoots {
  readonly #known: readonly string[];
  readonly #roots = new Set<string>();

  constructor({ mail, domains }: Paths) {
    this.#known = [mail, domains];
  }

  /** A folder that the roles must be let into. */
  add(folder: string): void {
    if (folder.startsWith("/") && !this.#isKnown(`${folder}/`)) this.#roots.add(folder);
  }

  /** A row of users. */
  note(row: Row): void {
    const home = row["pw_dir"];
    if (typeof home !== "string" || !home.startsWith("/") || this.#isKnown(home)) return;
    const [base] = home.split(`/${letterRange(String(row["pw_name"]))}/${row["pw_domain"]}/`);
    this.#roots.add(base === undefined || base === home ? home.slice(0, home.lastIndexOf("/")) : base);
  }

  #isKnown(path: string): boolean {
    for (const root of [...this.#known, ...this.#roots]) if (path.startsWith(`${root}/`)) return true;
    return false;
  }

  /** What was gathered. */
  get folders(): readonly string[] {
    return [...this.#roots];
  }

  /** Enters them all; `told` hears of one that cannot be. */
  async open(command: Command, told: (text: string) => void): Promise<void> {
    for (const root of this.#roots) {
      try {
        await openMailRoot(command, checkFolder("folder of mail", root));
      } catch (error) {
        if (!(error instanceof Permanent)) throw error;
        told(error.message);
      }
    }
  }
}
