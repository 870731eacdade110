/** The roles as services of the supervisor: which program, with which arguments, in which order. */
import { formatListen } from "../../core/listen_address.ts";
import { socketPath } from "../../core/paths.ts";
import type { ServiceSpec } from "../../core/supervisor.ts";
import { type ServeSettings, SERVICE_PORTS, type ServiceName } from "./settings.ts";

/** Time for what serves peers, and for deliveries under way, to end [man qmail-send.9: it waits for them]. */
const STOP_MS = 20_000;
/** In the lines by which the roles that face peers say that they listen. */
const LISTENING_TEXT = "ready on ";
/** Time for the queue to write out what only its journal holds. */
const QUEUE_STOP_MS = 60_000;

/** Time for a role to start, raise its fences and install its handlers, with much to spare. */
const SETTLE_MS = 2000;

/** Most queues, one process each. */
export const QUEUE_COUNT_MAX = 32;

function listens(names: readonly ServiceName[], settings: ServeSettings): string[] {
  return names.map((service) =>
    formatListen({ service, host: settings.listen, port: SERVICE_PORTS[service] + settings.portOffset })
  );
}

/** Read by the runtime itself, from places that most roles may not read. */
const RUNTIME_VARIABLES = ["NODE_EXTRA_CA_CERTS"];

/** The environment of every role: the supervisor's `own`, and where the installation is. */
export function roleEnvironment(
  settings: ServeSettings,
  own: Readonly<Record<string, string>>,
  pid: number,
): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries(own).filter(([name]) => !RUNTIME_VARIABLES.includes(name))),
    INDIMAIL_ROOT: settings.paths.root,
    INDIMAIL_ACCOUNTS: settings.accounts ? "1" : "0",
    INDIMAIL_SUPERVISOR: String(pid),
  };
}

/** Every service, for `queues` queues. */
export function serviceSpecs(
  settings: ServeSettings,
  options: { readonly env: Readonly<Record<string, string>>; readonly queues: number },
): ServiceSpec[] {
  const { paths } = settings;
  const { env, queues } = options;
  const common = { env, stopMs: STOP_MS, settleMs: SETTLE_MS };
  const queueServices = Array.from({ length: queues }, (_, at): ServiceSpec => {
    const name = `queue${at + 1}` as const;
    return {
      name: queues === 1 ? "queue" : name,
      program: "qmail-send",
      args: [],
      env: { ...env, QUEUEDIR: `${paths.queueBase}/${name}` },
      stage: 3,
      readyPath: socketPath(paths, name),
      stopMs: QUEUE_STOP_MS,
      settleMs: SETTLE_MS,
    };
  });
  return [
    { ...common, name: "lookup", program: "inlookup", args: [], stage: 1, readyPath: socketPath(paths, "lookup") },
    {
      ...common,
      name: "local",
      program: "qmail-lspawn",
      args: ["./Maildir/"],
      stage: 2,
      readyPath: socketPath(paths, "local"),
    },
    ...(settings.accounts
      ? [{
        ...common,
        name: "users",
        program: "indimail-userd",
        args: ["./Maildir/"],
        stage: 2,
        readyPath: socketPath(paths, "users"),
        wantedPath: `${paths.run}/users.wanted`,
      }]
      : []),
    { ...common, name: "remote", program: "qmail-rspawn", args: [], stage: 2, readyPath: socketPath(paths, "remote") },
    ...queueServices,
    {
      ...common,
      name: "network",
      program: "indimail-smtpd",
      args: listens(["smtp", "submission", "smtps"], settings),
      stage: 4,
      readyText: LISTENING_TEXT,
    },
    {
      ...common,
      name: "mailbox",
      program: "indimail-mailboxd",
      args: listens(["imap", "imaps", "pop3", "pop3s"], settings),
      stage: 4,
      readyText: LISTENING_TEXT,
    },
  ];
}
