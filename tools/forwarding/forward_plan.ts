/**
 * What fastforward does with a message: recipients and programs found in a forwarding database, lists of addresses
 * followed, each address and list taken once [man fastforward.9] [man setforward.1] [spec formats 19]. Pure; latin1 text.
 */

/** Addresses and lists above which a table is taken for broken. Ours. */
export const STEPS_MAX = 1_000_000;
/** Bytes of an address in a table, with its mark; a longer one is passed over. */
const ADDRESS_BYTES_MAX = 900;

/** Where instructions come from. */
export interface ForwardTable {
  /** The data of a key of the database. Throws Temporary. */
  find(key: string): string | undefined;
  /** The contents of a binary list. Throws Temporary. */
  readList(path: string): string;
}

/** What to do: run the programs first, then forward. */
export interface ForwardPlan {
  readonly sender: string;
  /** As in the table: `|command`, or `!command` for one that gets the lines of the delivery too. */
  readonly programs: readonly string[];
  readonly recipients: readonly string[];
  /** An address was met again: it leads back to itself. */
  readonly isLoop: boolean;
}

/** Entries of instructions, each ended by NUL. */
export function nulEntries(data: string): string[] {
  return data.split("\0").slice(0, -1);
}

function keysOf(prefix: string, address: string, wild: boolean): string[] {
  const exact = `${prefix}${address}`.toLowerCase();
  const at = address.lastIndexOf("@");
  if (!wild || at < 0) return [exact];
  return [exact, `${prefix}${address.slice(at)}`.toLowerCase(), `${prefix}${address.slice(0, at + 1)}`.toLowerCase()];
}

class Planner {
  readonly programs: string[] = [];
  readonly recipients: string[] = [];
  isLoop = false;
  readonly #table: ForwardTable;
  readonly #done = new Set<string>();
  readonly #waiting: string[] = [];

  constructor(table: ForwardTable) {
    this.#table = table;
  }

  find(prefix: string, address: string, wild: boolean): string | undefined {
    for (const key of keysOf(prefix, address, wild)) {
      const data = this.#table.find(key);
      if (data !== undefined) return data;
    }
    return undefined;
  }

  /** Follows everything that a target's instructions lead to, the last first. */
  follow(data: string): void {
    this.#take(data);
    for (let entry = this.#waiting.pop(); entry !== undefined; entry = this.#waiting.pop()) {
      if (this.#done.has(entry)) {
        if (entry.startsWith("&")) this.isLoop = true;
        continue;
      }
      if (this.#done.size >= STEPS_MAX) throw new RangeError(`more than ${STEPS_MAX} addresses and lists`);
      this.#done.add(entry);
      if (entry.startsWith("&")) this.#address(entry.slice(1));
      else this.#wait(nulEntries(this.#table.readList(entry)));
    }
  }

  #address(address: string): void {
    const own = this.find("?", address, false) === undefined ? this.find(":", address, false) : undefined;
    if (own === undefined) this.recipients.push(address); // with an owner it is forwarded, to go out under that name
    else this.#take(own);
  }

  #take(data: string): void {
    const entries = nulEntries(data);
    for (const entry of entries) if (entry.startsWith("|") || entry.startsWith("!")) this.programs.push(entry);
    this.#wait(entries);
  }

  #wait(entries: readonly string[]): void {
    for (const entry of entries) {
      const isList = entry.startsWith(".") || entry.startsWith("/");
      if (isList || (/^&./s.test(entry) && entry.length < ADDRESS_BYTES_MAX)) this.#waiting.push(entry);
    }
  }
}

/** What to do for a recipient; undefined when the table does not know it. Throws what the table throws. */
export function planForward(
  table: ForwardTable,
  { sender, recipient }: { readonly sender: string; readonly recipient: string },
): ForwardPlan | undefined {
  const planner = new Planner(table);
  const isBounce = sender === "" || sender === "#@[]";
  const owner = isBounce ? undefined : planner.find("?", recipient, true);
  const data = planner.find(":", recipient, true);
  if (data === undefined) return undefined;
  planner.follow(data);
  const { programs, recipients, isLoop } = planner;
  return { sender: owner ?? sender, programs, recipients: recipients.reverse(), isLoop };
}
