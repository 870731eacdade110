/**
 * Accounts and groups by name, and giving up root: setgroups, setgid and setuid by glibc, which change every thread of the
 * process (the raw system calls change one, and node's process.setuid keeps the supplementary groups).
 */
import { addressOf, checked, cString, libc, SYSCALL } from "./libc.ts";
import type { UserIds } from "./process.ts";

/** An entry of the password file. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly gecos: string;
  readonly home: string;
  readonly shell: string;
}

function textAt(view: Deno.UnsafePointerView, offset: number): string {
  const pointer = view.getPointer(offset);
  return pointer ? new Deno.UnsafePointerView(pointer).getCString() : "";
}

function accountAt(pointer: Deno.PointerValue): Account | undefined {
  if (!pointer) return undefined;
  const view = new Deno.UnsafePointerView(pointer); // struct passwd: name, passwd, uid, gid, gecos, dir, shell
  return {
    name: textAt(view, 0),
    uid: view.getUint32(16),
    gid: view.getUint32(20),
    gecos: textAt(view, 24),
    home: textAt(view, 32),
    shell: textAt(view, 40),
  };
}

/** The account of that name, by whatever /etc/nsswitch.conf names; undefined when there is none. */
export function accountByName(name: string): Account | undefined {
  return accountAt(libc().getpwnam(cString(name)));
}

/** The account with that uid; undefined when there is none. */
export function accountByUid(uid: number): Account | undefined {
  return accountAt(libc().getpwuid(uid));
}

/** The gid of a group; undefined when there is none. */
export function groupId(name: string): number | undefined {
  const pointer = libc().getgrnam(cString(name));
  return pointer ? new Deno.UnsafePointerView(pointer).getUint32(16) : undefined;
}

/** Most groups of one account: the kernel's NGROUPS_MAX. */
const GROUPS_MAX = 65_536;

/** All groups of an account by the group file, `gid` among them. */
export function groupsOf(name: string, gid: number): readonly number[] {
  const account = cString(name);
  for (let size = 64; size <= GROUPS_MAX; size *= 4) {
    const groups = new Uint32Array(size);
    const count = new Int32Array([size]);
    if (libc().getgrouplist(account, gid, new Uint8Array(groups.buffer), new Uint8Array(count.buffer)) >= 0) {
      return [...groups.subarray(0, count[0])];
    }
  }
  throw new RangeError(`${name} is in more than ${GROUPS_MAX} groups`);
}

/** The name of the group with that gid; undefined when there is none. */
export function groupName(gid: number): string | undefined {
  const pointer = libc().getgrgid(gid);
  return pointer ? textAt(new Deno.UnsafePointerView(pointer), 0) : undefined;
}

const PR_SET_KEEPCAPS = 8;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2n;
const CAP_NET_BIND_SERVICE = 10n;
const CAPABILITY_VERSION_3 = 0x20080522;

/**
 * Becomes that user for good, in all threads. With `bindLowPorts` CAP_NET_BIND_SERVICE survives the next exec (as an
 * ambient capability of the calling thread). Throws LibcError when any step fails; the caller must then end.
 */
export function becomeUser(user: UserIds, options: { readonly bindLowPorts?: boolean } = {}): void {
  const c = libc();
  const groups = Uint32Array.from(user.groups ?? [user.gid]);
  checked(c.setgroups(BigInt(groups.length), new Uint8Array(groups.buffer)), "setgroups");
  checked(c.setgid(user.gid), "setgid");
  if (options.bindLowPorts) checked(c.prctl(PR_SET_KEEPCAPS, 1n, 0n, 0n, 0n), "prctl keepcaps");
  checked(c.setuid(user.uid), "setuid");
  if (options.bindLowPorts) keepBindCapability();
}

function keepBindCapability(): void {
  const header = new Uint32Array([CAPABILITY_VERSION_3, 0]);
  const bit = 1 << Number(CAP_NET_BIND_SERVICE);
  const sets = new Uint32Array([bit, bit, bit, 0, 0, 0]); // effective, permitted, inheritable; low and high words
  const headerBytes = new Uint8Array(header.buffer);
  const setBytes = new Uint8Array(sets.buffer);
  checked(
    libc().syscall(SYSCALL.capset, addressOf(headerBytes), addressOf(setBytes), 0n, 0n, 0n, 0n),
    "capset",
  );
  checked(libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0n, 0n), "prctl ambient");
}
