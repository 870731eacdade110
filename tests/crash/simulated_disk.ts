/**
 * A disk in memory that knows what is synced. It can fail any operation, stop at any (as kill -9: what was written is
 * kept), and lose power at any: then each operation that no sync has made durable is kept, dropped, or, for a write, torn
 * at 512-byte sectors, independently of the others. After a failed sync the data stays readable but is never made durable
 * by a later sync, as Linux does. Inode numbers are used again as early as possible.
 */
import type { Disk, DiskFile, DiskStat, OpenOptions } from "../../storage/disk.ts";
import {
  applyChange,
  chooseWrites,
  type FileNode,
  type FolderNode,
  type NameChange,
  type Node,
  type PowerCutChoice,
  statOf,
  syncFile,
  writeFile,
} from "./simulated_nodes.ts";

/** First inode number given out. */
const INODE_MIN = 10;

/** What happens at an operation, counted from 1. */
export type Fault =
  | { readonly kind: "fail"; readonly at: number; readonly code: "ENOSPC" | "EIO"; readonly count: number }
  | { readonly kind: "stop"; readonly at: number };

/** An error as the operating system gives it. */
class DiskError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`simulated ${code}`);
    this.code = code;
  }
}

/** See above. */
export class SimulatedDisk implements Disk {
  #root: FolderNode;
  #pending: NameChange[] = [];
  readonly #inodes = new Set<number>();
  readonly #files = new Set<FileNode>();
  /** Operations that change something, so far. */
  operations = 0;
  stopped = false;
  fault: Fault | undefined;
  /** Called before each operation that changes something. */
  onOperation: ((name: string, path: string) => void) | undefined;
  nowMs = 1_000_000;

  constructor() {
    this.#root = this.#makeFolder(0o755);
  }

  /** Counts an operation; throws what the fault says, or never comes back after the stop. */
  async #operate(name: string, path: string): Promise<void> {
    await Promise.resolve();
    if (this.stopped) return await new Promise(() => {});
    this.operations++;
    this.onOperation?.(name, path);
    const fault = this.fault;
    if (!fault || this.operations < fault.at) return;
    if (fault.kind === "fail") {
      if (this.operations < fault.at + fault.count) throw new DiskError(fault.code);
    } else {
      this.stopped = true;
      return await new Promise(() => {});
    }
  }

  async #read(): Promise<void> {
    await Promise.resolve();
    if (this.stopped) await new Promise(() => {});
  }

  #inode(): number {
    let inode = INODE_MIN;
    while (this.#inodes.has(inode)) inode++;
    this.#inodes.add(inode);
    return inode;
  }

  #makeFolder(mode: number): FolderNode {
    return { kind: "directory", inode: this.#inode(), names: new Map(), durable: new Map(), mode };
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const part of path.split("/")) {
      if (part === "") continue;
      if (node?.kind !== "directory") return undefined;
      node = node.names.get(part);
    }
    return node;
  }

  #get(path: string): Node {
    const node = this.#find(path);
    if (!node) throw new Deno.errors.NotFound(path);
    return node;
  }

  #file(path: string): FileNode {
    const node = this.#get(path);
    if (node.kind !== "file") throw new DiskError("EISDIR");
    return node;
  }

  #place(path: string): { folder: FolderNode; name: string } {
    const slash = path.lastIndexOf("/");
    const folder = this.#get(path.slice(0, slash));
    if (folder.kind !== "directory") throw new DiskError("ENOTDIR");
    return { folder, name: path.slice(slash + 1) };
  }

  #change(change: NameChange): void {
    this.#pending.push(change);
    const before = change.folder.names.get(change.name);
    applyChange(change, (folder) => folder.names);
    if (before?.kind === "file" && before !== change.node) this.#dropLink(before);
  }

  #dropLink(file: FileNode): void {
    file.links--;
    this.#release(file);
  }

  #release(file: FileNode): void {
    if (file.links > 0 || file.handles > 0 || !this.#files.delete(file)) return;
    this.#inodes.delete(file.inode);
  }

  async open(path: string, options: OpenOptions): Promise<DiskFile> {
    const there = this.#find(path);
    const makes = !there && (options.create || options.createNew);
    if (makes) await this.#operate("create", path);
    else await this.#read();
    let node = this.#find(path);
    if (node && options.createNew) throw new Deno.errors.AlreadyExists(path);
    if (!node) {
      if (!makes) throw new Deno.errors.NotFound(path);
      const file: FileNode = {
        kind: "file",
        inode: this.#inode(),
        data: new Uint8Array(0),
        sizeBytes: 0,
        base: new Uint8Array(0),
        writes: [],
        mode: options.mode ?? 0o644,
        modifiedMs: this.nowMs,
        baseModifiedMs: this.nowMs,
        links: 1,
        handles: 0,
      };
      this.#files.add(file);
      this.#change({ ...this.#place(path), node: file });
      node = file;
    }
    if (node.kind !== "file") throw new DiskError("EISDIR");
    return this.#handle(node, path, options);
  }

  #handle(file: FileNode, path: string, options: OpenOptions): DiskFile {
    file.handles++;
    let position = 0;
    let open = true;
    const write = (bytes: Uint8Array, at: number) => {
      if (!open) throw new Deno.errors.BadResource("file is closed");
      writeFile(file, bytes, at);
      file.writes.push({ at, bytes: bytes.slice(), doomed: false, durable: false });
      file.modifiedMs = this.nowMs;
    };
    return {
      readAt: async (into, at) => {
        await this.#read();
        const part = file.data.subarray(at, Math.min(at + into.length, file.sizeBytes));
        into.set(part);
        return part.length;
      },
      writeAt: async (bytes, at) => {
        await this.#operate("write", path);
        write(bytes, at);
      },
      append: async (bytes) => {
        await this.#operate("write", path);
        if (options.append) position = file.sizeBytes;
        write(bytes, position);
        position += bytes.length;
      },
      sync: async (syncOptions) => {
        try {
          await this.#operate("sync", path);
        } catch (error) {
          for (const pending of file.writes) pending.doomed ||= !pending.durable;
          throw error;
        }
        syncFile(file, syncOptions?.metadata ?? false);
      },
      truncate: () => Promise.reject(new DiskError("ENOSYS")),
      stat: async () => {
        await this.#read();
        return statOf(file);
      },
      close: () => {
        if (!open) return;
        open = false;
        file.handles--;
        this.#release(file);
      },
    };
  }

  async readFile(path: string): Promise<Uint8Array> {
    await this.#read();
    const file = this.#file(path);
    return file.data.slice(0, file.sizeBytes);
  }

  async readDirectory(path: string): Promise<string[]> {
    await this.#read();
    const node = this.#get(path);
    if (node.kind !== "directory") throw new DiskError("ENOTDIR");
    return [...node.names.keys()];
  }

  async stat(path: string): Promise<DiskStat> {
    await this.#read();
    return statOf(this.#get(path));
  }

  lstat(path: string): Promise<DiskStat> {
    return this.stat(path);
  }

  async mkdir(path: string, options: { readonly recursive?: boolean; readonly mode?: number } = {}): Promise<void> {
    const parts = path.split("/").filter((part) => part !== "");
    const first = options.recursive ? 1 : parts.length;
    for (let count = first; count <= parts.length; count++) {
      const prefix = `/${parts.slice(0, count).join("/")}`;
      if (this.#find(prefix)) {
        if (!options.recursive) throw new Deno.errors.AlreadyExists(path);
        continue;
      }
      await this.#operate("mkdir", prefix);
      this.#change({ ...this.#place(prefix), node: this.#makeFolder(options.mode ?? 0o755) });
    }
  }

  async link(from: string, to: string): Promise<void> {
    await this.#operate("link", to);
    const file = this.#file(from);
    if (this.#find(to)) throw new Deno.errors.AlreadyExists(to);
    file.links++;
    this.#change({ ...this.#place(to), node: file });
  }

  symlink(): Promise<void> {
    return Promise.reject(new DiskError("ENOSYS"));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#operate("rename", to);
    const node = this.#get(from);
    this.#change({ ...this.#place(to), node, from: this.#place(from) });
  }

  async unlink(path: string): Promise<void> {
    if (!this.#find(path)) { // changes nothing
      await this.#read();
      if (!this.#find(path)) throw new Deno.errors.NotFound(path);
    }
    await this.#operate("unlink", path);
    if (!this.#find(path)) throw new Deno.errors.NotFound(path);
    this.#change({ ...this.#place(path), node: undefined });
  }

  async rmdir(path: string): Promise<void> {
    await this.unlink(path);
  }

  async chmod(path: string, mode: number): Promise<void> {
    await this.#read();
    this.#get(path).mode = mode;
  }

  async chown(): Promise<void> {
    await this.#read();
  }

  async utime(path: string, _accessedMs: number, modifiedMs: number): Promise<void> {
    await this.#operate("utime", path);
    this.#file(path).modifiedMs = modifiedMs;
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#operate("syncDirectory", path);
    const folder = this.#get(path);
    const kept: NameChange[] = [];
    for (const change of this.#pending) {
      if (change.folder === folder) applyChange(change, ({ durable }) => durable);
      else kept.push(change);
    }
    this.#pending = kept;
  }

  /** How many operations are not durable: names, and writes. */
  get undecided(): number {
    let count = this.#pending.length;
    for (const file of this.#reachable()) count += file.writes.filter((write) => !write.durable).length;
    return count;
  }

  #reachable(): Set<FileNode> {
    const files = new Set<FileNode>();
    for (const file of this.#files) files.add(file);
    for (const { node } of this.#pending) if (node?.kind === "file") files.add(node);
    const visit = (folder: FolderNode) => {
      for (const node of folder.durable.values()) {
        if (node.kind === "file") files.add(node);
        else visit(node);
      }
    };
    visit(this.#root);
    return files;
  }

  /** What is there after a kill -9: everything, as if it had been synced. */
  afterStop(): SimulatedDisk {
    return this.#copy({
      names: (folder) => folder.names,
      content: (file) => file.data.slice(0, file.sizeBytes),
      modifiedMs: (file) => file.modifiedMs,
    })!;
  }

  /**
   * What is there after a power cut. Undefined when the choice cannot happen: two files with one inode number, where the
   * number was used again before its first owner was durably gone.
   */
  afterPowerCut(choose: PowerCutChoice): SimulatedDisk | undefined {
    const names = new Map<FolderNode, Map<string, Node>>();
    const of = (folder: FolderNode) => {
      let map = names.get(folder);
      if (!map) names.set(folder, map = new Map(folder.durable));
      return map;
    };
    for (const change of this.#pending) if (choose("name")) applyChange(change, of);
    const contents = new Map<FileNode, Uint8Array>();
    const content = (file: FileNode) => {
      let bytes = contents.get(file);
      if (!bytes) contents.set(file, bytes = chooseWrites(file, choose));
      return bytes;
    };
    return this.#copy({ names: of, content, modifiedMs: (file) => file.baseModifiedMs });
  }

  #copy(from: {
    readonly names: (folder: FolderNode) => Map<string, Node>;
    readonly content: (file: FileNode) => Uint8Array;
    readonly modifiedMs: (file: FileNode) => number;
  }): SimulatedDisk | undefined {
    const disk = new SimulatedDisk();
    disk.#inodes.clear();
    disk.nowMs = this.nowMs;
    const copies = new Map<FileNode, FileNode>();
    const owners = new Map<number, FileNode>();
    const copyFile = (file: FileNode): FileNode | undefined => {
      let copy = copies.get(file);
      if (!copy) {
        if (owners.has(file.inode)) return undefined;
        owners.set(file.inode, file);
        const data = from.content(file);
        const { mode, inode } = file;
        const modifiedMs = from.modifiedMs(file);
        const still = { data, base: data.slice(), sizeBytes: data.length, writes: [], links: 0, handles: 0 };
        copy = { kind: "file", inode, mode, modifiedMs, baseModifiedMs: modifiedMs, ...still };
        copies.set(file, copy);
        disk.#files.add(copy);
        disk.#inodes.add(inode);
      }
      copy.links++;
      return copy;
    };
    const copyFolder = (folder: FolderNode): FolderNode | undefined => {
      const copied = new Map<string, Node>();
      for (const [name, node] of from.names(folder)) {
        const copy = node.kind === "file" ? copyFile(node) : copyFolder(node);
        if (!copy) return undefined;
        copied.set(name, copy);
      }
      disk.#inodes.add(folder.inode);
      return { kind: "directory", inode: folder.inode, names: copied, durable: new Map(copied), mode: folder.mode };
    };
    const root = copyFolder(this.#root);
    if (!root) return undefined;
    disk.#root = root;
    return disk;
  }

  /** Paths of all files, for comparisons. */
  paths(): string[] {
    const found: string[] = [];
    const visit = (folder: FolderNode, path: string) => {
      for (const [name, node] of folder.names) {
        if (node.kind === "file") found.push(`${path}/${name}`);
        else visit(node, `${path}/${name}`);
      }
    };
    visit(this.#root, "");
    return found.sort();
  }

  /** Flips bits of a file, as a bad disk does. */
  damage(path: string, at: number, lengthBytes: number): void {
    const file = this.#file(path);
    for (let offset = at; offset < at + lengthBytes; offset++) file.data[offset]! ^= 0x55;
    file.base = file.data.slice(0, file.sizeBytes);
  }
}
