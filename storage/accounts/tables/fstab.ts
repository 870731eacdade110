/** Capacity of file systems for users' homes: table fstab [spec tables] [man vfstab.8]. Sizes in bytes. */
import { type Database, numberOf, type Row, textOf } from "../database.ts";

/** One file system of one host; a maximum of -1 or 0 is none. */
export interface FileSystem {
  readonly filesystem: string;
  readonly host: string;
  readonly online: boolean;
  readonly usersMax: number;
  readonly users: number;
  readonly bytesMax: number;
  readonly bytes: number;
}

function fileSystemOf(row: Row): FileSystem {
  return {
    filesystem: textOf(row, "filesystem"),
    host: textOf(row, "host"),
    online: numberOf(row, "status") === 1,
    usersMax: numberOf(row, "max_users"),
    users: numberOf(row, "cur_users"),
    bytesMax: numberOf(row, "max_size"),
    bytes: numberOf(row, "cur_size"),
  };
}

const COLUMNS = "filesystem, host, status, max_users, cur_users, max_size, cur_size";

/** The file systems in the local (or central) database. */
export class FileSystems {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** All file systems, of one host or of all. */
  async list(host?: string): Promise<readonly FileSystem[]> {
    const where = host === undefined ? "" : " WHERE host = ?";
    const rows = await this.#database.query(
      `SELECT ${COLUMNS} FROM fstab${where} ORDER BY host, filesystem`,
      host === undefined ? [] : [host],
    );
    return rows.map(fileSystemOf);
  }

  /** Adds or changes one. */
  async set(fileSystem: FileSystem): Promise<void> {
    const { filesystem, host, online, usersMax, users, bytesMax, bytes } = fileSystem;
    await this.#database.run(`REPLACE INTO fstab (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`, [
      filesystem,
      host,
      online ? 1 : 0,
      usersMax,
      users,
      bytesMax,
      bytes,
    ]);
  }

  /** Adds to the numbers of users and bytes; nothing happens where the file system is not listed. */
  async count(
    filesystem: string,
    host: string,
    change: { readonly users: number; readonly bytes: number },
  ): Promise<void> {
    await this.#database.run(
      "UPDATE fstab SET cur_users = cur_users + ?, cur_size = cur_size + ? WHERE filesystem = ? AND host = ?",
      [change.users, change.bytes, filesystem, host],
    );
  }

  /** Removes one; false when it was not there. */
  async remove(filesystem: string, host: string): Promise<boolean> {
    return await this.#database.run("DELETE FROM fstab WHERE filesystem = ? AND host = ?", [filesystem, host]) > 0;
  }

  /** The online file system of a host with the smallest share of its users taken, for a new user; undefined: none free. */
  async leastUsed(host: string): Promise<FileSystem | undefined> {
    const free = (await this.list(host)).filter((one) =>
      one.online && (one.usersMax <= 0 || one.users < one.usersMax) && (one.bytesMax <= 0 || one.bytes < one.bytesMax)
    );
    const share = (one: FileSystem) => one.usersMax <= 0 ? 0 : one.users / one.usersMax;
    return free.sort((left, right) => share(left) - share(right) || left.users - right.users)[0];
  }
}
