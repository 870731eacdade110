/**
 * Where munpack puts the content of parts: into a file of its own with its digest checked, into the text that describes the
 * next file, or nowhere.
 */
import { createHash, type Hash } from "node:crypto";
import {
  Base64Decoder,
  type ByteTransform,
  IdentityTransform,
  QuotedPrintableDecoder,
} from "../../mail/mime/transfer_stream.ts";
import { descriptionName, type NameGiver } from "./unpack_names.ts";
import type { TargetFile, TargetFolder } from "./target_folder.ts";

const LF = 10;
const CR = 13;

/** Takes the content of a part. Bytes may be reused by the caller. */
export interface PartSink {
  write(bytes: Uint8Array): void;
  /** `lineEnd` is the line end before the boundary, which is no content of the part. */
  end(lineEnd?: Uint8Array): void;
}

/** Takes nothing. */
export const NO_SINK: PartSink = { write: () => undefined, end: () => undefined };

/** What sinks need of the program. */
export interface UnpackWorld {
  readonly folder: TargetFolder;
  readonly names: NameGiver;
  readonly overwrite: boolean;
  /** Says that something was found, on standard output. */
  say(text: string, options?: { readonly evenIfQuiet: boolean }): void;
  warn(text: string): void;
  /** The text that describes the next file, which waits under a name of its own. */
  readonly description: Description;
}

/** Text before a file, kept until the file has its name. */
export class Description {
  readonly #folder: TargetFolder;
  readonly #temporary: string;
  #file: TargetFile | undefined;
  #last = LF;

  constructor(folder: TargetFolder, temporary: string) {
    this.#folder = folder;
    this.#temporary = temporary;
  }

  /** Another text begins, on a line of its own. */
  startText(): void {
    if (this.#last !== LF) this.write(new Uint8Array([LF]));
  }

  write(bytes: Uint8Array): void {
    this.#file ??= this.#folder.create(this.#temporary, { mode: 0o644 });
    this.#file.write(bytes);
    this.#last = bytes[bytes.length - 1] ?? this.#last;
  }

  /** Gives it the name that goes with a file. */
  describe(name: string, world: Pick<UnpackWorld, "names" | "overwrite">): void {
    if (!this.#file) return;
    this.#file.close();
    this.#file = undefined;
    this.#last = LF;
    const { overwrite } = world;
    this.#folder.rename(this.#temporary, world.names.freeName(descriptionName(name)), { overwrite });
  }

  /** Forgets it when no file came. */
  forget(): void {
    this.#file?.discard();
    this.#file = undefined;
    this.#last = LF;
  }
}

/** How content is written. */
export interface ContentForm {
  readonly encoding: string;
  /** Text: CRs that the encoding hides are left out. */
  readonly isText: boolean;
}

function decoderOf({ encoding, isText }: ContentForm): ByteTransform {
  if (encoding === "base64") return new Base64Decoder({ stopsAtPadding: true });
  return encoding === "quoted-printable"
    ? new QuotedPrintableDecoder({ dropsEncodedCr: isText })
    : new IdentityTransform();
}

function withoutCr(bytes: Uint8Array): Uint8Array {
  return bytes.indexOf(CR) < 0 ? bytes : bytes.filter((byte) => byte !== CR);
}

/** The MD5 of content in its canonical form: text that is not in base64 has CRLF [rfc1864 2]. */
class ContentDigest {
  readonly #hash: Hash = createHash("md5");
  readonly #addsCr: boolean;
  #last = 0;

  constructor(encoding: string) {
    this.#addsCr = encoding !== "base64";
  }

  update(bytes: Uint8Array): void {
    if (!this.#addsCr) {
      this.#hash.update(bytes);
      return;
    }
    let from = 0;
    for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
      if ((at === 0 ? this.#last : bytes[at - 1]) === CR) continue;
      this.#hash.update(bytes.subarray(from, at));
      this.#hash.update("\r");
      from = at;
    }
    this.#hash.update(bytes.subarray(from));
    this.#last = bytes[bytes.length - 1] ?? this.#last;
  }

  base64(): string {
    return this.#hash.digest("base64");
  }
}

/** A file of a part. */
export class FileSink implements PartSink {
  readonly #world: UnpackWorld;
  readonly #file: TargetFile;
  readonly #decoder: ByteTransform;
  readonly #dropsCr: boolean;
  readonly #digest: ContentDigest | undefined;
  readonly #expected: string | undefined;

  /** `md5` is what Content-MD5 says, if it is there. */
  constructor(
    world: UnpackWorld,
    part: {
      readonly name: string;
      readonly type: string;
      readonly form: ContentForm;
      readonly md5: string | undefined;
    },
  ) {
    const { form, md5 } = part;
    this.#world = world;
    this.#decoder = decoderOf(form);
    this.#dropsCr = form.isText && form.encoding === "base64";
    this.#digest = md5 === undefined ? undefined : new ContentDigest(form.encoding);
    this.#expected = md5;
    this.#file = newFile(world, part.name, part.type);
  }

  write(bytes: Uint8Array): void {
    this.#take(this.#decoder.push(bytes));
  }

  end(): void {
    this.#take(this.#decoder.finish());
    if (this.#decoder instanceof Base64Decoder && this.#decoder.unfinished) {
      this.#world.warn(`${this.#file.name} ends too early`);
    }
    this.#file.close();
    const digest = this.#digest?.base64();
    if (digest !== undefined && !this.#expected?.startsWith(digest)) {
      this.#world.warn(`${this.#file.name} was corrupted in transit`);
    }
  }

  #take(bytes: Uint8Array): void {
    this.#digest?.update(bytes);
    this.#file.write(this.#dropsCr ? withoutCr(bytes) : bytes);
  }
}

/** Makes the file that a part becomes, says so, and gives the waiting description its name. */
export function newFile(world: UnpackWorld, name: string, type: string): TargetFile {
  const file = world.folder.create(world.names.freeName(name), { overwrite: world.overwrite, mode: 0o644 });
  world.description.describe(file.name, world);
  world.say(`${file.name} (${type})`, { evenIfQuiet: true });
  return file;
}

/** Text that describes the next file. */
export class DescriptionSink implements PartSink {
  readonly #world: UnpackWorld;
  readonly #decoder: ByteTransform;
  readonly #dropsCr: boolean;

  constructor(world: UnpackWorld, form: ContentForm) {
    this.#world = world;
    this.#decoder = decoderOf(form);
    this.#dropsCr = form.encoding === "base64";
    world.description.startText();
  }

  write(bytes: Uint8Array): void {
    this.#take(this.#decoder.push(bytes));
  }

  end(): void {
    this.#take(this.#decoder.finish());
  }

  #take(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#world.description.write(this.#dropsCr ? withoutCr(bytes) : bytes);
  }
}
