/**
 * Giving up Deno's permissions by whole kinds, before a program's module loads: what its role never needs. Paths and
 * addresses cannot be narrowed here (only in a Worker: core/fence.ts).
 */
import type { Role } from "./role.ts";

/** The kinds of permission that a role never needs. */
export function needlessPowers(role: Role): Deno.PermissionName[] {
  const kinds: Deno.PermissionName[] = [];
  if (!role.ffi) kinds.push("ffi");
  if (!role.spawns) kinds.push("run");
  if (!role.listens && role.connects === "none") kinds.push("net"); // Unix sockets need read and write, not net
  if (role.write.length === 0 && (role.writeSystem ?? []).length === 0 && role.sockets.length === 0) {
    kinds.push("write");
  }
  return kinds;
}

/** Gives up whole kinds of permission for good. */
export function revokePowers(kinds: readonly Deno.PermissionName[]): void {
  for (const name of kinds) Deno.permissions.revokeSync({ name });
}
