/** What every kind of installation that can be adopted gives: what was found, and the steps that are left to do. */
import type { GetEnv } from "../../core/paths.ts";
import type { Command } from "../../storage/accounts/command.ts";
import type { AdoptState } from "./adopt_state.ts";

/** One thing to do. Each may be repeated, and a crash in one is repaired by doing it again. */
export interface Step {
  /** What it does, for the operator. */
  readonly text: string;
  /** Does it; the result is told of. */
  run(): Promise<string>;
}

/** Something that cannot be read. */
export interface BadLine {
  /** File and line. */
  readonly place: string;
  readonly text: string;
}

/** What was found of one installation. */
export interface Found {
  /** One line a fact. */
  readonly facts: readonly string[];
  readonly bad: readonly BadLine[];
  readonly steps: readonly Step[];
}

/** What the operator asked for. */
export interface AdoptOptions {
  /** Folder of vpopmail. */
  readonly vpopmail: string;
  /** Folder of qmail. */
  readonly qmail: string;
  /** Only these domains; empty: all. */
  readonly domains: readonly string[];
  /** Clear text passwords become CRAM credentials. */
  readonly keepClearText: boolean;
  /** Domains that were adopted before are looked at again. */
  readonly again: boolean;
  /** Mail is given to the account of our server. */
  readonly takeOwnership: boolean;
}

/** What adopting works with. */
export interface AdoptContext {
  readonly command: Command;
  readonly options: AdoptOptions;
  readonly state: AdoptState;
  readonly env: GetEnv;
  readonly nowMs: () => number;
}
