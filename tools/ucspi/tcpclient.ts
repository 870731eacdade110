/** tcpclient: makes a connection by TCP, Unix socket or TLS and runs a program with it [man tcpclient.1]. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { childEnd, polledPipe } from "../../core/libc/children.ts";
import { Poller } from "../../core/libc/poll.ts";
import { placeFd, setNoDelay } from "../../core/libc/socket.ts";
import { SocketConnection } from "../../core/net/connection.ts";
import { type ClientSocket, openClient, socketTransport } from "./peer/client_connection.ts";
import { CLIENT_OPTIONS, clientRequest, clientTlsOf, factsOf } from "./peer/client_options.ts";
import { copyStream } from "./copy_stream.ts";
import { changedEnvironment, type EnvironmentChange, peerFacts, unixEnvironment } from "./peer/peer_environment.ts";
import { startWithPipes } from "./tls/piped_program.ts";
import { relayStreams } from "./tls/relay.ts";
import { numberOption } from "./peer/number_option.ts";
import { askForTls, tryProtocol } from "./tls/starttls_client.ts";
import { providerText } from "./tls/tls_files.ts";

/** Descriptors of the network in the program. */
const READING = 6;
const WRITING = 7;
const DATA_SECONDS_DEFAULT = 300;
const SECONDS_MAX = 1_000_000;

export const applet = defineApplet({
  names: ["tcpclient"],
  section: 1,
  summary: "make a connection and run a program with it",
  role: "tool",
  dialect: "chain",
  options: CLIENT_OPTIONS,
  operands: [
    { name: "host", help: "address or name; 0 for this host; a path beginning with / for a Unix socket" },
    { name: "port", help: "number or name; absent for a Unix socket", optional: true },
    { name: "prog", help: "the program and its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  synopsis: "tcpclient [option...] host port [prog [arg...]] | tcpclient [option...] /socket [prog [arg...]]",
  description:
    `tcpclient connects to a port and runs prog with descriptor 6 reading from the network and descriptor 7 writing to it, and
with environment variables that tell of the connection: PROTO, TCPLOCALIP, TCPLOCALPORT, TCPLOCALHOST, TCPREMOTEIP,
TCPREMOTEPORT, TCPREMOTEHOST, TCPREMOTEINFO. Without prog it copies its standard input to the network and the network to its
standard output.

All addresses of host are tried in turn.

With -n the connection is TLS, and prog sees plain text by pipes. The server's certificate is checked when there is a file of
authorities, its name when -m tells which. With -s and without prog TLS begins in the manner of that protocol.`,
  env: {
    DNSCACHEIP: "name servers separated by blanks, in place of /etc/resolv.conf",
    LOCALDOMAIN: "added to a host without a dot; default nothing",
    DNSREWRITEFILE: "rules that change host names first; default /etc/dnsrewrite, if it is there",
    TLS_CERTFILE: "certificate and key shown to the server; default clientcert.pem, if it is there",
    CERTDIR: "folder of certificates; default the installation's",
    SERVERCA: "authorities of servers' certificates; default serverca.pem, if it is there",
    SERVERCRL: "revoked certificates; default servercrl.pem, if it is there",
    TLS_CIPHER_LIST: "accepted for the original's sake: the runtime offers only what is strong today",
  },
  exits: { "100": "called wrongly", "111": "no connection", "other": "the program's" },
  examples: [
    { command: "tcpclient -RHl0 mail.example.com 25 mconnect-io", help: "speak SMTP by hand" },
    { command: 'tcpclient -n "" -s smtp -c ca.pem -m mail.example.com mail.example.com 25', help: "the same by TLS" },
  ],
  seeAlso: ["tcpserver(1)", "tcpcat(1)", "mconnect(1)", "dotls(1)"],
  source: ["[man tcpclient.1]"],
  async run(proc) {
    const { options } = proc;
    const [host = "", ...rest] = proc.args;
    const isUnix = host.startsWith("/");
    if (!isUnix && rest[0] === undefined) throw new Usage("missing port");
    const argv = isUnix ? rest : rest.slice(1);
    const tls = options.certificate === undefined ? undefined : clientTlsOf(proc, host);
    const starttls = options.starttls === undefined ? undefined : tryProtocol(options.starttls);
    if (options.starttls !== undefined && (!starttls || !tls)) {
      throw new Usage("option -s is smtp, pop3 or imap, and needs -n");
    }
    const tell = (text: string) => options.quiet ? undefined : proc.log.line(`tcpclient: ${text}`);
    const socket = await openClient(clientRequest(proc, { host, port: rest[0] ?? "", tell }));
    if (!socket) return EXIT_DIALECTS.chain.temporary;
    if (options.noDelay && !isUnix) setNoDelay(socket.fd);
    const change = isUnix ? unixEnvironment(host) : (await peerFacts(socket.local, socket.remote, factsOf(proc))).env;
    if (options.verbose && !isUnix) tell(`connected to ${change.TCPREMOTEIP} port ${change.TCPREMOTEPORT}`);
    if (!tls && argv.length > 0) return await becomeProgram(proc, { socket, argv, change });
    const connection = new SocketConnection(socketTransport(socket.fd), socket);
    if (tls) {
      connection.setTimeout(1000 * clientRequest(proc, { host, port: "", tell }).trySeconds.reduce((a, b) => a + b));
      if (starttls) await askForTls(connection, starttls);
      if (!connection.connectTls) throw new Temporary("this runtime cannot begin TLS on an open connection");
      const state = await connection.connectTls(tls);
      if (options.provider) change.TLS_PROVIDER = providerText("tcpclient", state);
      connection.setTimeout(0);
    }
    const seconds = options.dataTimeout === undefined
      ? DATA_SECONDS_DEFAULT
      : numberOption("-a", options.dataTimeout, SECONDS_MAX);
    const idleMs = 1000 * seconds;
    if (argv.length > 0) return await runProgram(proc, { connection, argv, change, idleMs });
    return await speak(proc, connection, idleMs);
  },
});

interface Program {
  readonly argv: readonly string[];
  readonly change: EnvironmentChange;
}

/** The program takes this process. What the runtime had at 6 and 7 is put back if that fails. */
async function becomeProgram(proc: Proc, run: Program & { readonly socket: ClientSocket }): Promise<never> {
  const [program = "", ...args] = run.argv;
  const env = changedEnvironment(proc.env.all(), run.change);
  await proc.log.flush();
  const { fd } = run.socket;
  const restore: (() => void)[] = [];
  try {
    for (const target of fd === WRITING ? [READING, WRITING] : [WRITING, READING]) restore.push(placeFd(fd, target));
    return proc.exec(program, args, env);
  } finally {
    for (const put of restore.reverse()) put();
  }
}

async function runProgram(
  proc: Proc,
  run: Program & { readonly connection: SocketConnection; readonly idleMs: number },
): Promise<number> {
  const env = changedEnvironment(proc.env.all(), run.change);
  const poller = new Poller();
  const child = await startWithPipes(proc, { argv: run.argv, env, input: READING, output: WRITING });
  const ended = childEnd(poller, child.pid);
  const [toProgram, fromProgram] = [polledPipe(poller, child.input), polledPipe(poller, child.output)];
  try {
    const relay = relayStreams(run.connection, { toProgram, fromProgram, idleMs: run.idleMs });
    await Promise.race([relay, ended.then(() => relay)]);
  } catch (error) {
    if (!(error instanceof Temporary)) throw error;
    proc.log.line(`tcpclient: ${errorText(error)}`);
  } finally {
    toProgram.close();
    fromProgram.close();
    run.connection.close();
  }
  const { code, signal } = await ended;
  return signal === 0 ? code : EXIT_DIALECTS.chain.temporary;
}

/** Standard input to the network, the network to standard output, until the network ends. */
async function speak(proc: Proc, connection: SocketConnection, idleMs: number): Promise<number> {
  connection.setTimeout(idleMs);
  const said = copyStream(proc.stdin, connection).then(() => connection.closeWrite());
  await Promise.race([copyStream(connection, proc.stdout), said.then(() => new Promise<never>(() => {}))]);
  connection.close();
  return EXIT_DIALECTS.chain.ok;
}
