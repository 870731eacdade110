/**
 * Pieces of split messages and files that wait for the others: a folder for each, named by its id, with a file 1, 2 and so
 * on for each piece and CT for their number, as the original munpack keeps them [man munpack.1].
 */
import { Temporary } from "../../core/errors.ts";
import { readPathPieces, systemReason } from "./message_files.ts";
import { fittingName, TargetFolder } from "./target_folder.ts";

/** Pieces of one message. Ours. */
export const PIECES_MAX = 10_000;
const BAD_CHARACTERS = /[^\x21-\x7e]|[!$&*()|'";<>[\]{}?`\\/ \t]/g;
const NUMBER_BYTES_MAX = 16;

/** The pieces of one message or file. */
export class PartStore {
  readonly id: string;
  readonly folder: TargetFolder;

  constructor(id: string, folder: TargetFolder) {
    this.id = id;
    this.folder = folder;
  }

  /** Opens (and makes) it below `base`, which is made and must be ours alone. Throws Temporary. */
  static open(base: string, id: string): PartStore {
    makeFolder(base);
    const name = fittingName(id.replace(BAD_CHARACTERS, "").replace(/^\.{1,2}$/, "")) || "unnamed";
    const folder = `${base}/${name}`;
    makeFolder(folder);
    return new PartStore(id, new TargetFolder(folder));
  }

  /** The number of pieces, when it is known. */
  get count(): number {
    if (!this.folder.has("CT")) return 0;
    let text = "";
    readPathPieces(this.folder.pathOf("CT"), (bytes) => {
      if (text.length < NUMBER_BYTES_MAX) text += new TextDecoder().decode(bytes.subarray(0, NUMBER_BYTES_MAX));
    });
    const count = Number.parseInt(text, 10);
    return count > 0 && count <= PIECES_MAX ? count : 0;
  }

  set count(count: number) {
    const file = this.folder.create("CT", { overwrite: true, mode: 0o600 });
    file.write(new TextEncoder().encode(`${count}\n`));
    file.close();
  }

  /** True when all of so many pieces are there. */
  isComplete(count: number): boolean {
    for (let number = count; number > 0; number--) if (!this.folder.has(String(number))) return false;
    return count > 0;
  }

  /** Gives the bytes of a piece, in parts that may be reused. */
  read(number: number, take: (bytes: Uint8Array) => void): void {
    readPathPieces(this.folder.pathOf(String(number)), take);
  }

  /** Removes all of it. */
  remove(): void {
    Deno.removeSync(this.folder.path, { recursive: true });
  }
}

/** Makes a folder for us alone; one that is there must be a folder of ours. */
function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      throw new Temporary(`unable to create ${path}: ${systemReason(error)}`);
    }
    const { isDirectory, uid } = Deno.lstatSync(path);
    if (!isDirectory || uid !== Deno.uid()) throw new Temporary(`${path} is not a folder of yours`);
  }
}
