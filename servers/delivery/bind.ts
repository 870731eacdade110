/**
 * Binds the delivery core to a running program: control files, lookup daemon, queue, programs.
 */
import type { Proc } from "../../core/applet.ts";
import { Temporary } from "../../core/errors.ts";
import { socketPath } from "../../core/paths.ts";
import { openLookup } from "../../storage/accounts/lookup_client.ts";
import { CdbFile } from "../../storage/cdb/reader.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { realDisk } from "../../storage/disk.ts";
import { createSubmissionClient, queueSockets } from "../../storage/queue/submission_client.ts";
import { SystemUsers } from "../../storage/users/passwd.ts";
import type { DeliveryContext } from "./context.ts";
import { DotQmailFiles, TRUST_MS } from "./dotqmail_files.ts";
import { programRunner } from "./program.ts";
import { UserHandover } from "./user_handover.ts";
import { deliverAsUser } from "./user_process.ts";
import type { UserSources } from "./resolve.ts";
import { routedSender } from "./routed.ts";

/** How long the daemon keeps what the lookup daemon said of an address that exists. */
const KEEP_TARGETS_MS = 300;
/** How long a delivery of the daemon waits for a lookup daemon that is being started again; then it is deferred. */
const LOOKUP_PATIENCE_MS = 10_000;

/** The delivery context of this process. */
export function createDeliveryContext(proc: Proc, defaultDelivery: string): DeliveryContext {
  const control = new ControlFiles(proc.paths.control);
  const daemon = proc.name === "qmail-lspawn";
  return {
    disk: realDisk,
    clock: proc.clock,
    log: proc.log,
    control,
    lookup: openLookup(
      proc.paths,
      control,
      daemon ? { keepTargetsMs: KEEP_TARGETS_MS, patienceMs: LOOKUP_PATIENCE_MS } : {},
    ),
    queue: createSubmissionClient({ sockets: queueSockets(proc.paths) }),
    dotQmail: new DotQmailFiles(() => proc.clock.nowMs(), daemon ? { trustMs: TRUST_MS } : {}),
    runProgram: programRunner(proc, daemon ? proc.paths.run : "/tmp"),
    sendRouted: routedSender(socketPath(proc.paths, "remote")),
    ...userDelivery(proc, defaultDelivery),
    mda: proc.env.all()["MDA"] || undefined,
    hostName: control.me(),
    pid: proc.pid,
    uid: proc.uid,
    defaultDelivery,
  };
}

/** How a delivery becomes one of another user: by a process, by the daemon that is root, or not at all. */
function userDelivery(proc: Proc, defaultDelivery: string): Pick<DeliveryContext, "deliverAsUser"> {
  if (proc.uid === 0) {
    return { deliverAsUser: (job, recipient) => deliverAsUser(proc, defaultDelivery, { job, recipient }) };
  }
  if (proc.name !== "qmail-lspawn" || proc.env.get("INDIMAIL_ACCOUNTS") !== "1") return {};
  const handover = new UserHandover(proc.paths);
  return { deliverAsUser: (job, recipient) => handover.deliver(job, recipient) };
}

/** Where this installation's local users are looked for. */
export function localUserSources(proc: Proc): UserSources {
  return {
    usersCdb: new CdbFile(`${proc.paths.users}/cdb`, { trustMs: TRUST_MS }),
    systemUsers: new SystemUsers(),
    alias: { ...ownerOf(proc.paths.alias), home: proc.paths.alias },
  };
}

function ownerOf(directory: string): { uid: number; gid: number } {
  try {
    const { uid, gid } = Deno.statSync(directory);
    return { uid: uid ?? 0, gid: gid ?? 0 };
  } catch (error) {
    throw new Temporary(`cannot look at ${directory}, the folder of alias: ${(error as Error).message}`);
  }
}
