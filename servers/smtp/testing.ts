/**
 * An SMTP server for tests: control files in a temporary folder, fakes of the lookup and queue daemons. Used by the
 * tests of this folder and by the transcripts.
 */
import { createHmac } from "node:crypto";
import { concatBytes, latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import { CertificateFolder } from "../../core/net/tls_server.ts";
import { formatBase64, parseBase64 } from "../../mail/sasl/base64.ts";
import { digestKeys } from "../../mail/sasl/digest_md5.ts";
import { saltedPassword, scramKeys, scramServerSignature, verifyScramProof } from "../../mail/sasl/scram.ts";
import type {
  Account,
  AuthResult,
  CramExchange,
  DigestExchange,
  Lookup,
  RecipientStatus,
  ScramExchange,
} from "../../storage/accounts/lookup_types.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import type { Envelope, SubmissionClient, SubmissionResult } from "../../storage/queue/submission.ts";
import { TEST_CERTIFICATE, TEST_CERTIFICATE_OTHER } from "../../tests/support/certificates.ts";
import type { SmtpServer } from "./backend.ts";
import { RecipientCheck } from "./recipients.ts";
import { readSmtpSettings } from "./settings.ts";

/** Control files of a test host: local.test is a virtual domain with users, sys.test a domain of system users. */
export const TEST_CONTROL: Readonly<Record<string, string>> = {
  me: "mail.test\n",
  rcpthosts: "local.test\nsys.test\n.sub.test\nmail.test\n",
  locals: "mail.test\nsys.test\n",
  virtualdomains: "local.test:local.test\n",
  authmechanisms: "SCRAM-SHA-256\nSCRAM-SHA-1\nCRAM-MD5\nPLAIN\nLOGIN\n",
};

const SALT = "QSXCR+Q6sek8bf92";
const ITERATIONS = 32;

/** A lookup daemon: `user@local.test` and others exist, every password is `secret`. */
export class FakeLookup implements Lookup {
  /** Temporary for every question. */
  down = false;
  readonly statuses = new Map<string, RecipientStatus["kind"]>([
    ["user@local.test", "known"],
    ["other@local.test", "known"],
    ["full@local.test", "over-quota"],
    ["closed@local.test", "inactive"],
  ]);
  /** Recipients asked for. */
  readonly asked: string[] = [];
  mayRelay = true;

  #check(): void {
    if (this.down) throw new Temporary("nothing answers on lookup.socket");
  }

  async recipient(address: string): Promise<RecipientStatus> {
    await Promise.resolve();
    this.#check();
    this.asked.push(address);
    return { kind: this.statuses.get(address) ?? "absent" };
  }

  #login(user: string, good: boolean): AuthResult {
    this.#check();
    if (!good || !this.statuses.has(user)) return { kind: "denied" };
    if (this.statuses.get(user) === "inactive") return { kind: "forbidden", reason: "account is closed" };
    const account: Account = {
      address: user,
      uid: 555,
      gid: 555,
      flags: 0,
      gecos: user,
      home: "/",
      quota: "NOQUOTA",
      inactive: false,
    };
    return { kind: "ok", account, mayRelay: this.mayRelay };
  }

  verifyPassword(user: string, password: string): Promise<AuthResult> {
    return Promise.resolve().then(() => this.#login(user, password === "secret"));
  }

  verifyCram(user: string, { hash, challenge, digestHex }: CramExchange): Promise<AuthResult> {
    const digest = createHmac(hash, "secret").update(challenge).digest("hex");
    return Promise.resolve().then(() => this.#login(user, digest === digestHex));
  }

  verifyDigest(
    user: string,
    exchange: DigestExchange,
  ): Promise<{ readonly result: AuthResult; readonly rspauth: string }> {
    const { response, rspauth } = digestKeys({ user, password: "secret" }, exchange);
    return Promise.resolve().then(() => ({ result: this.#login(user, response === exchange.response), rspauth }));
  }

  verifyToken(user: string, token: string): Promise<AuthResult> {
    return Promise.resolve().then(() => this.#login(user, token === "secret"));
  }

  scramParameters(): Promise<{ saltBase64: string; iterations: number }> {
    return Promise.resolve().then(() => {
      this.#check();
      return { saltBase64: SALT, iterations: ITERATIONS };
    });
  }

  async verifyScram(
    user: string,
    exchange: ScramExchange,
  ): Promise<{ readonly result: AuthResult; readonly serverSignatureBase64: string }> {
    const { hash, authMessage } = exchange;
    const salted = await saltedPassword("secret", parseBase64(SALT)!, { hash, iterations: ITERATIONS });
    const keys = scramKeys(hash, salted);
    const good = verifyScramProof(keys.storedKey, parseBase64(exchange.proofBase64)!, { hash, authMessage });
    const serverSignatureBase64 = formatBase64(scramServerSignature(hash, keys.serverKey, authMessage));
    return { result: this.#login(user, good), serverSignatureBase64 };
  }

  account(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  delivery(): Promise<{ kind: "absent" }> {
    return Promise.resolve({ kind: "absent" });
  }

  /** Senders that may relay since they have read their mail. */
  readonly granted = new Set<string>();

  relayGranted(sender: string, remoteIp: string): Promise<boolean> {
    return Promise.resolve().then(() => {
      this.#check();
      return this.granted.has(`${sender} ${remoteIp}`);
    });
  }

  realDomain(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  filterRules(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  bulletins(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  bulletinGiven(): Promise<void> {
    return Promise.resolve();
  }

  noteQuota(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

/** A message that the queue got. */
export interface QueuedMessage {
  readonly envelope: Envelope;
  readonly text: string;
}

/** A queue daemon. */
export class FakeQueue implements SubmissionClient {
  /** Temporary when a message is opened. */
  down = false;
  /** Answer to every message instead of acceptance. */
  refusal: (SubmissionResult & { readonly kind: "refused" }) | undefined;
  /** Resolved before a message is answered. */
  hold: Promise<void> | undefined;
  readonly messages: QueuedMessage[] = [];
  aborted = 0;

  open() {
    if (this.down) return Promise.reject(new Temporary("nothing answers on queue1.socket"));
    const parts: Uint8Array[] = [];
    return Promise.resolve({
      write: (bytes: Uint8Array) => {
        parts.push(bytes.slice());
        return Promise.resolve();
      },
      commit: async (envelope: Envelope): Promise<SubmissionResult> => {
        await this.hold;
        if (this.refusal) return this.refusal;
        this.messages.push({ envelope, text: latin1Text(concatBytes(...parts)) });
        return { kind: "accepted", id: `q${this.messages.length}` };
      },
      abort: () => {
        this.aborted++;
      },
    });
  }

  close(): void {}
}

/** A server of a test. */
export interface TestServer {
  readonly server: SmtpServer;
  readonly lookup: FakeLookup;
  readonly queue: FakeQueue;
  /** Log lines. */
  readonly lines: string[];
  /** Delays asked for, milliseconds. */
  readonly delays: number[];
  /** The time; tests may set it. */
  readonly clock: { nowMs: number };
  readonly control: ControlFiles;
  /** Reads the control files again. */
  reread(): void;
  /** Removes the folder. */
  close(): void;
}

/** What a test may choose. */
export interface TestServerOptions {
  /** Beside TEST_CONTROL; undefined removes a file. */
  readonly control?: Readonly<Record<string, string | undefined>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Without certificates. */
  readonly plain?: boolean;
}

/** Makes a server. */
export function makeTestServer(options: TestServerOptions = {}): TestServer {
  const folder = Deno.makeTempDirSync({ prefix: "smtpd-" });
  for (const [name, text] of Object.entries({ ...TEST_CONTROL, ...options.control })) {
    if (text !== undefined) Deno.writeTextFileSync(`${folder}/${name}`, text);
  }
  Deno.writeTextFileSync(`${folder}/servercert.pem`, TEST_CERTIFICATE);
  Deno.writeTextFileSync(`${folder}/other.test.pem`, TEST_CERTIFICATE_OTHER);
  const control = new ControlFiles(folder);
  const clock = { nowMs: Date.UTC(2026, 10, 23, 12) };
  const nowMs = () => clock.nowMs;
  const env = (name: string) => options.env?.[name];
  let settings = readSmtpSettings(control, env, nowMs);
  const lookup = new FakeLookup();
  const queue = new FakeQueue();
  const lines: string[] = [];
  const delays: number[] = [];
  let ids = 0;
  const server: SmtpServer = {
    settings: () => settings,
    lookup,
    recipients: new RecipientCheck(lookup, nowMs),
    queue,
    certificates: options.plain ? undefined : new CertificateFolder({ folder }),
    log: { line: (text) => void lines.push(text), flush: () => Promise.resolve() },
    nowMs,
    sleep: (durationMs) => {
      delays.push(durationMs);
      return Promise.resolve();
    },
    nextId: () => `id${++ids}`,
    name: "smtpd",
    pid: 42,
    uid: 7,
  };
  return {
    server,
    lookup,
    queue,
    lines,
    delays,
    clock,
    control,
    reread() {
      control.reread();
      settings = readSmtpSettings(control, env, nowMs);
    },
    close: () => Deno.removeSync(folder, { recursive: true }),
  };
}
