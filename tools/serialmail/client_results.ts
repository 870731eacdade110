/** The results that a client prints, in whatever parts they come: name, NUL, K or Z or D, text, LF [spec formats 21]. */
import { concatBytes, latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { Status } from "./file_names.ts";

/** Longest result. */
const RESULT_BYTES_MAX = 64 * 1024;
const LF = 10;

/** What a client says of a file. */
export interface ClientResult {
  readonly name: string;
  readonly status: Status;
  readonly text: string;
}

/** Cuts a client's output into results. */
export class ClientResults {
  #rest: Uint8Array = new Uint8Array(0);

  /** The results that end in these bytes. Throws Temporary when they are none. */
  push(bytes: Uint8Array): ClientResult[] {
    const results: ClientResult[] = [];
    this.#rest = concatBytes(this.#rest, bytes);
    for (;;) {
      const name = this.#rest.indexOf(0);
      const end = name < 0 ? -1 : this.#rest.indexOf(LF, name + 2);
      if (end < 0) break;
      results.push(resultOf(latin1Text(this.#rest.subarray(0, name)), latin1Text(this.#rest.subarray(name + 1, end))));
      this.#rest = this.#rest.subarray(end + 1);
    }
    if (this.#rest.length > RESULT_BYTES_MAX) throw new Temporary("the client prints what is no result");
    return results;
  }
}

function resultOf(name: string, said: string): ClientResult {
  const status = said[0];
  const known = status === "K" || status === "D" ? status : "Z"; // whatever else it is, the message is not accepted
  return { name, status: known, text: said.slice(1) };
}
