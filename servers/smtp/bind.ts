/** Binds the SMTP server to a running program: control files, lookup and queue daemons, certificates, clock. */
import type { Proc } from "../../core/applet.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { CertificateFolder } from "../../core/net/tls_server.ts";
import { openLookup } from "../../storage/accounts/lookup_client.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { createSubmissionClient, queueSockets } from "../../storage/queue/submission_client.ts";
import type { SmtpServer } from "./backend.ts";
import { createIds } from "./ids.ts";
import { RecipientCheck } from "./recipients.ts";
import { readSmtpSettings, type SMTPD_ENV } from "./settings.ts";

/** Most queues. */
const QUEUES_MAX = 32;

/** The server of a process, with what belongs to its life. */
export interface BoundServer {
  readonly server: SmtpServer;
  readonly control: ControlFiles;
  /** Reads the control files again; keeps the old settings when they make no sense. */
  reread(): void;
  close(): void;
}

/** Binds. Throws Permanent when control files make no sense. */
export function bindSmtpServer(proc: Proc): BoundServer {
  const { paths, log } = proc;
  const env = (name: keyof typeof SMTPD_ENV) => proc.env.get(name);
  const nowMs = () => proc.clock.nowMs();
  const control = new ControlFiles(paths.control);
  let settings = readSmtpSettings(control, env, nowMs);
  const lookup = openLookup(paths, control);
  const count = Math.min(QUEUES_MAX, queueNumber(env("QUEUE_COUNT"), "QUEUE_COUNT"));
  const sockets = queueSockets(paths, count, queueNumber(env("QUEUE_START"), "QUEUE_START"));
  const queue = createSubmissionClient({ sockets });
  const recipients = new RecipientCheck(lookup, nowMs);
  const file = env("SERVERCERT");
  const server: SmtpServer = {
    settings: () => settings,
    lookup,
    recipients,
    queue,
    certificates: new CertificateFolder({ folder: paths.certs, ...(file && { file }) }),
    log,
    nowMs,
    sleep: (durationMs) => proc.clock.sleep(durationMs),
    nextId: createIds(nowMs, proc.pid),
    name: proc.name,
    pid: proc.pid,
    uid: proc.uid,
  };
  return {
    server,
    control,
    reread() {
      control.reread();
      recipients.forget();
      try {
        settings = readSmtpSettings(control, env, nowMs);
      } catch (error) {
        if (!(error instanceof Permanent || error instanceof Temporary)) throw error;
        log.line(`${proc.name}: warning: control files not reread: ${errorText(error)}`);
      }
    },
    close() {
      lookup.close();
      queue.close();
    },
  };
}

function queueNumber(text: string | undefined, name: string): number {
  const number = Number(text || "1");
  if (!Number.isInteger(number) || number < 1) throw new Permanent(`${name}: ${text} is not a number of queues`);
  return number;
}
