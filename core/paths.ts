/**
 * Where an installation's files are. One root prefix before the original's absolute paths, so that a tree under
 * `--root DIR` looks like a system's. Every module takes a Paths; none builds such a path by itself.
 */

/** The folders and sockets of one installation; all absolute. */
export interface Paths {
  /** Prefix of all the others; "/" for a system-wide installation. */
  readonly root: string;
  /** Control files [man qmail-control.9]; CONTROLDIR. */
  readonly control: string;
  /** Settings that are no control files: nssd.conf. */
  readonly settings: string;
  /** users/assign and users/cdb [man qmail-users.9]; ASSIGNDIR. */
  readonly users: string;
  /** Certificates; CERTDIR. */
  readonly certs: string;
  /** Folder of queue1, queue2, …; QUEUE_BASE. */
  readonly queueBase: string;
  /** Virtual domains' folders: control files and .qmail-default of each. */
  readonly domains: string;
  /** Virtual users' homes; BASE_PATH. */
  readonly mail: string;
  /** ~alias: folder of the .qmail files for addresses of no user. */
  readonly alias: string;
  /** Embedded database and state of the daemons. */
  readonly lib: string;
  /** The embedded database. */
  readonly database: string;
  /** Unix sockets of the daemons, status files. */
  readonly run: string;
  /** Log folders of the services. */
  readonly log: string;
}

/** Reads an environment variable. */
export type GetEnv = (name: string) => string | undefined;

/** The paths under `root`, with the original's environment variables taking precedence. */
export function resolvePaths(root: string, env: GetEnv): Paths {
  const base = root === "/" ? "" : root.replace(/\/+$/, "");
  return Object.freeze({
    root: base || "/",
    control: env("CONTROLDIR") ?? `${base}/etc/indimail/control`,
    settings: `${base}/etc/indimail`,
    users: env("ASSIGNDIR") ?? `${base}/etc/indimail/users`,
    certs: env("CERTDIR") ?? `${base}/etc/indimail/certs`,
    queueBase: env("QUEUE_BASE") ?? `${base}/var/indimail/queue`,
    domains: `${base}/var/indimail/domains`,
    mail: env("BASE_PATH") ?? `${base}/home/mail`,
    alias: `${base}/var/indimail/alias`,
    lib: `${base}/var/indimail/lib`,
    database: `${base}/var/indimail/lib/indimail.sqlite`,
    run: `${base}/run/indimail`,
    log: `${base}/var/log/indimail`,
  });
}

/** The Unix socket of a daemon, by the role or service that listens there. */
export function socketPath(
  paths: Paths,
  name: "lookup" | "lookup-admin" | "local" | "remote" | "users" | `queue${number}`,
): string {
  return `${paths.run}/${name}.socket`;
}

/**
 * The root of this installation: INDIMAIL_ROOT, else "/" for root or where /etc/indimail exists, else the user's own
 * `~/.local/share/indimail`.
 */
export function findRoot(env: GetEnv, system: { readonly uid: number | null; exists(path: string): boolean }): string {
  const named = env("INDIMAIL_ROOT");
  if (named) return named;
  if (system.uid === 0 || system.exists("/etc/indimail/control")) return "/";
  return `${env("XDG_DATA_HOME") || `${env("HOME") ?? ""}/.local/share`}/indimail`;
}
