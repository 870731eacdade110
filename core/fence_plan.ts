/**
 * What a role's row means on this host: paths, ports, accounts, the permission lists of its Worker. Pure, so that tests
 * can read a plan; core/fence.ts carries it out. Services are operands of the form `name=HOST:PORT`.
 */
import { type ListenAddress, tryParseListen } from "./listen_address.ts";
import { type GetEnv, type Paths, socketPath } from "./paths.ts";
import type { Role, RolePath } from "./role.ts";

/** Most queues whose sockets a role may reach; the original's QUEUE_COUNT is 5 or 10, rarely more. */
export const QUEUES_MAX = 32;

/** Where the runtime itself lives: what every process must still read. */
export interface RuntimePlaces {
  /** The executable. */
  readonly executable: string;
  /** Source folders and caches under `deno run`; empty when compiled. */
  readonly sources: readonly string[];
  /** Homes of users, for roles that deliver there. */
  readonly homes: readonly string[];
  /** Folders of mailboxes and domains outside the installation; absent: none. */
  readonly mailRoots?: readonly string[];
}

/** All that a role's process is limited to. */
export interface FencePlan {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly bindPorts: readonly number[];
  readonly connectPorts: readonly number[] | "any";
  readonly permissions: Deno.PermissionOptionsObject;
  /** True: nothing may be executed once the Worker runs. */
  readonly refuseExec: boolean;
  /** It binds ports below 1024. */
  readonly lowPorts: boolean;
}

/** Libraries and devices that the executable needs before any code of ours runs. */
const RUNTIME_READ = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/dev/urandom", "/dev/random"];
const RUNTIME_WRITE = ["/dev/null", "/dev/tty"];
const LOW_PORT_LIMIT = 1024;

function placed(names: readonly RolePath[], paths: Paths): string[] {
  return names.map((name) => paths[name]);
}

function socketPaths(role: Role, paths: Paths): string[] {
  return role.sockets.flatMap((name) => {
    if (
      name === "lookup" || name === "lookup-admin" || name === "local" || name === "remote" || name === "users"
    ) {
      return [socketPath(paths, name)];
    }
    return Array.from({ length: QUEUES_MAX }, (_, at) => socketPath(paths, `queue${at + 1}`));
  });
}

/** Folders of the files that an option names, apart from it or joined to it. */
function optionFolders(args: readonly string[], option: string): string[] {
  const named = args.flatMap((arg, at) =>
    arg === option ? args.slice(at + 1, at + 2) : arg.startsWith(option) ? [arg.slice(option.length)] : []
  );
  return named.filter((path) => path.startsWith("/")).map((path) => path.slice(0, path.lastIndexOf("/")) || "/");
}

function netPermission(role: Role, listens: readonly ListenAddress[]): boolean | string[] {
  if (role.connects === "any") return true;
  if (!role.listens || listens.length === 0) return false;
  return listens.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
}

/** What the process of `role`, called with `args`, is limited to. */
export function planFence(
  role: Role,
  args: readonly string[],
  host: { paths: Paths; places: RuntimePlaces; env: GetEnv },
): FencePlan {
  const { paths, places } = host;
  const named = (role.readVariables ?? []).map(host.env).filter((path) => path !== undefined).filter((path) =>
    path.startsWith("/")
  );
  const listens = role.listens ? args.map(tryParseListen).filter((listen) => listen !== undefined) : [];
  const homes = role.homes ? places.homes : [];
  const mailRoots = places.mailRoots ?? [];
  const delivers = role.write.includes("mail");
  const write = [...placed(role.write, paths), ...role.writeSystem ?? [], ...homes, ...(delivers ? mailRoots : [])];
  const looks = role.read.includes("domains") && !delivers;
  const read = [
    ...placed(role.read, paths),
    ...role.readSystem ?? [],
    ...(looks ? mailRoots : []),
    ...named,
    ...(role.readOption === undefined ? [] : optionFolders(args, role.readOption)),
    ...places.sources,
  ];
  const sockets = socketPaths(role, paths);
  return {
    read: [...read, ...RUNTIME_READ, places.executable],
    write: [...write, ...RUNTIME_WRITE],
    bindPorts: listens.map(({ port }) => port),
    connectPorts: role.connects === "any" ? "any" : [],
    permissions: {
      read: [...new Set([...read, ...write, ...sockets])],
      write: [...new Set([...write, ...sockets])],
      net: netPermission(role, listens),
      // the environment and the host's description hold no secret of ours, and npm packages read both as they load
      env: true,
      sys: true,
      run: role.spawns,
      ffi: role.ffi,
      import: false,
    },
    refuseExec: !role.spawns,
    lowPorts: listens.some(({ port }) => port < LOW_PORT_LIMIT),
  };
}
