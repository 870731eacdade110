/**
 * The lines of crc -v: checksum, mode, owner, group, date and name of a file. The date is local time, the owner and the
 * group are names.
 */

/** A line of a list. */
export interface ListLine {
  /** As it stands in the list. */
  readonly checksum: string;
  /** `-rw-r--r--`. */
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
  readonly date: string;
  readonly path: string;
  /** The line without checksum. */
  readonly rest: string;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const LINE =
  /^(0x[0-9a-f]{8}|\d{1,10}) ((\S{10}) ([^\t]*)\t([^\t]*)\t([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}) (.+))$/s;

/** Reads a line; undefined when it is none. */
export function parseListLine(line: string): ListLine | undefined {
  const [, checksum, rest, mode, owner, group, date, path] = LINE.exec(line) ?? [];
  if (checksum === undefined || rest === undefined || mode === undefined || path === undefined) return undefined;
  return { checksum, rest, mode, owner: owner ?? "", group: group ?? "", date: date ?? "", path };
}

const FORMAT_BITS = 0o170000;
const FORMATS: Readonly<Record<number, string>> = {
  0o040000: "d",
  0o060000: "b",
  0o020000: "c",
  0o010000: "p",
  0o120000: "l",
  0o140000: "s",
};

/** One class of users: read, write, execute with its special bit. */
function classOf(
  bits: number,
  special: { readonly set: boolean; readonly both: string; readonly only: string },
): string {
  const execute = bits & 1 ? (special.set ? special.both : "x") : special.set ? special.only : "-";
  return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${execute}`;
}

/** Kind and permissions of a file, as `ls -l` shows them (but l for set-gid without execute). */
export function formatMode(mode: number): string {
  const owner = classOf(mode >> 6, { set: (mode & 0o4000) !== 0, both: "s", only: "S" });
  const group = classOf(mode >> 3, { set: (mode & 0o2000) !== 0, both: "s", only: "l" });
  const others = classOf(mode, { set: (mode & 0o1000) !== 0, both: "t", only: "T" });
  return `${FORMATS[mode & FORMAT_BITS] ?? "-"}${owner}${group}${others}`;
}

/** `Nov 13 11:06:01 2018`, local time. */
export function formatDate(date: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${time} ${date.getFullYear()}`;
}
