/**
 * Every mechanism of SMTP, IMAP and POP3 with clients that others wrote: swaks (Authen::SASL), curl, gsasl (GNU), mbsync
 * (Cyrus), nodemailer and ImapFlow, and for -PLUS Python on OpenSSL; tokens from a server on loopback.
 */
import { ImapFlow } from "imapflow";
import { createTransport } from "nodemailer";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { TEST_CERTIFICATE_OTHER } from "../support/certificates.ts";
import { command, type CommandResult, eventually, Installation } from "../support/installation.ts";
import { LineClient } from "../support/line_client.ts";
import { hasStartTls } from "../support/runtime.ts";
import { TEST_AUDIENCE, TEST_ISSUER, TokenServer } from "../support/token_server.ts";

const ALL = [
  "SCRAM-SHA-512-PLUS",
  "SCRAM-SHA-256-PLUS",
  "SCRAM-SHA-1-PLUS",
  "SCRAM-SHA-512",
  "SCRAM-SHA-256",
  "SCRAM-SHA-1",
  "DIGEST-MD5",
  "CRAM-SHA512",
  "CRAM-SHA384",
  "CRAM-SHA256",
  "CRAM-SHA224",
  "CRAM-SHA1",
  "CRAM-RIPEMD",
  "CRAM-MD5",
  "OAUTHBEARER",
  "XOAUTH2",
  "PLAIN",
  "LOGIN",
];
const USER = "joe@example.test";
const PASSWORD = "se cret,=1";

async function control(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${root}/etc/indimail/control/${name}`, text, { mode: 0o600 });
  }
}

/** An installation with all mechanisms, and a user. */
async function startAll(tokens: TokenServer, env: Readonly<Record<string, string>> = {}): Promise<Installation> {
  const installation = await Installation.start({
    env,
    prepare: (root) =>
      control(root, {
        authmechanisms: `${ALL.join("\n")}\n`,
        oauthjwks: `${tokens.url}/jwks\n`,
        oauthintrospection: `${tokens.url.replace("127.0.0.1", "localhost")}/introspect\n`,
        oauthclient: "mail:pass word\n",
        oauthissuer: `${TEST_ISSUER}\n`,
        oauthaudience: `${TEST_AUDIENCE}\n`,
      }),
  });
  await installation.addUser("joe", PASSWORD);
  return installation;
}

/** Where the runtime cannot take a connection to TLS, clients use the ports that have it from the start. */
const STARTTLS = hasStartTls();

/** A service with TLS, by its scheme and its port. */
function secured(installation: Installation, service: "imap" | "pop3" | "smtp") {
  const scheme = STARTTLS ? service : `${service}s` as const;
  return { scheme, port: installation.ports[scheme] };
}

const said = (result: CommandResult) => `${result.stdout}${result.stderr}`;

function swaks(installation: Installation, mechanism: string, password: string): Promise<CommandResult> {
  return command("swaks", [
    "--server=127.0.0.1",
    `--port=${STARTTLS ? installation.ports.submission : installation.ports.smtps}`,
    STARTTLS ? "--tls" : "--tls-on-connect",
    `--auth=${mechanism}`,
    `--auth-user=${USER}`,
    `--auth-password=${password}`,
    "--quit-after=AUTH",
    "--helo=client.test",
  ]);
}

function gsasl(
  installation: Installation,
  service: "imap" | "smtp",
  options: { readonly mechanism: string; readonly password: string },
): Promise<CommandResult> {
  return command("gsasl", [
    `--${service}`,
    `--connect=127.0.0.1:${installation.ports[service]}`,
    `--mechanism=${options.mechanism}`,
    `--authentication-id=${USER}`,
    `--password=${options.password}`,
    "--quality-of-protection=qop-auth",
    "--realm=example.test",
    "--x509-ca-file=",
    "--no-cb", // it can bind to exported keys only
    "--verbose",
  ], { stdin: "" });
}

function curl(
  installation: Installation,
  service: "imap" | "pop3" | "smtp",
  login: { readonly mechanism: string; readonly password: string },
): Promise<CommandResult> {
  const { mechanism, password } = login;
  const { scheme, port } = secured(installation, service);
  const isToken = mechanism.includes("OAUTH");
  const config = isToken ? `user = "${USER}"\noauth2-bearer = "${password}"\n` : `user = "${USER}:${password}"\n`;
  return command("curl", [
    "--silent",
    "--show-error",
    "--insecure",
    "--ssl-reqd",
    "--config",
    "-",
    "--login-options",
    `AUTH=${mechanism}`,
    ...(service === "imap" ? ["--request", "NOOP"] : service === "smtp" ? ["--request", "NOOP"] : ["--list-only"]),
    `${scheme}://127.0.0.1:${port}/${service === "smtp" ? "client.test" : ""}`,
  ], { stdin: config });
}

function python(
  installation: Installation,
  service: "imap" | "pop3" | "smtp",
  login: { readonly mechanism: string; readonly password?: string; readonly binding: string; readonly name?: string },
): Promise<CommandResult> {
  const { scheme, port } = secured(installation, service);
  return command("python3", [
    new URL("../support/sasl_client.py", import.meta.url).pathname,
    scheme,
    String(port),
    login.mechanism,
    USER,
    login.password ?? PASSWORD,
    login.binding,
    login.name ?? "example.test",
  ]);
}

/** What mbsync, with the mechanisms of Cyrus, says of a login. */
async function mbsync(installation: Installation, mechanism: string, password: string): Promise<CommandResult> {
  const { folder } = installation;
  await Deno.mkdir(`${folder}/mbsync`, { recursive: true });
  await Deno.mkdir(`${folder}/mbsync.state`, { recursive: true });
  const file = `${folder}/mbsync.rc`;
  await Deno.writeTextFile(
    file,
    `IMAPAccount server
Host 127.0.0.1
Port ${installation.ports.imaps}
User ${USER}
Pass "${password}"
SSLType IMAPS
CertificateFile ${installation.root}/etc/indimail/certs/servercert.pem
AuthMechs ${mechanism}

IMAPStore remote
Account server

MaildirStore local
Path ${folder}/mbsync/
Inbox ${folder}/mbsync/INBOX

Channel all
Far :remote:
Near :local:
Patterns INBOX
Create Near
SyncState ${folder}/mbsync.state/
`,
    { mode: 0o600 },
  );
  return await command("mbsync", ["-c", file, "all"]);
}

Deno.test("every mechanism works with the programs that others wrote, and refuses a wrong password", async (t) => {
  await using tokens = new TokenServer();
  await using installation = await startAll(tokens);

  await t.step("all are offered under TLS; -PLUS not without it", async () => {
    using client = await LineClient.connect(installation.ports.smtp);
    await client.ask("", /^220 .*\r\n/);
    assertMatch(
      await client.ask("EHLO client.test", /^250 .*\r\n/m),
      /AUTH SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 DIGEST/,
    );
    assertMatch(said(await swaks(installation, "PLAIN", PASSWORD)), new RegExp(`AUTH ${ALL.join(" ")}`));
  });
  for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5", "CRAM-SHA1", "DIGEST-MD5"]) {
    await t.step(`swaks ${mechanism}`, async () => {
      assertMatch(said(await swaks(installation, mechanism, PASSWORD)), /235 2\.7\.0/);
      assertMatch(said(await swaks(installation, mechanism, "wrong")), /535 5\.7\.8/);
    });
  }
  for (const service of ["imap", "smtp"] as const) {
    for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]) {
      await t.step(`gsasl ${service} ${mechanism}`, async () => {
        const good = await gsasl(installation, service, { mechanism, password: PASSWORD });
        assertEquals(good.code, 0, said(good));
        assertMatch(said(good), service === "imap" ? /OK .*logged in/ : /235 2\.7\.0/);
        assert((await gsasl(installation, service, { mechanism, password: "wrong" })).code !== 0);
      });
    }
  }
  for (const service of ["imap", "pop3", "smtp"] as const) {
    for (const mechanism of ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"]) {
      await t.step(`curl ${service} ${mechanism}`, async () => {
        const good = await curl(installation, service, { mechanism, password: PASSWORD });
        assertEquals(good.code, 0, said(good));
        assertEquals((await curl(installation, service, { mechanism, password: "wrong" })).code, 67);
      });
    }
  }
  for (const mechanism of ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5"]) {
    await t.step(`mbsync ${mechanism}`, async () => {
      const good = await mbsync(installation, mechanism, PASSWORD);
      assertEquals(good.code, 0, said(good));
      assert((await mbsync(installation, mechanism, "wrong")).code !== 0);
    });
  }
});

Deno.test("channel binding holds a login to its TLS session, by the certificate that the client was shown", async (t) => {
  await using tokens = new TokenServer();
  await using installation = await startAll(tokens);
  await Deno.writeTextFile(`${installation.root}/etc/indimail/certs/other.test.pem`, TEST_CERTIFICATE_OTHER);
  const good = /^235 2\.7\.0|^b OK .*logged in|^\+OK/;

  for (const service of ["smtp", "imap", "pop3"] as const) {
    for (const hash of ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"]) {
      await t.step(`${service} ${hash} with and without -PLUS`, async () => {
        const login = (mechanism: string, binding: string, more: { name?: string; password?: string } = {}) =>
          python(installation, service, { mechanism, binding, ...more }).then(said);
        assertMatch(await login(hash, "n"), good);
        assertMatch(await login(`${hash}-PLUS`, "p"), good);
        if (STARTTLS) assertMatch(await login(`${hash}-PLUS`, "p", { name: "other.test" }), good); // else one certificate
        assertMatch(await login(`${hash}-PLUS`, "p", { password: "wrong" }), /^535|^b NO|^-ERR/);
      });
    }
  }
  await t.step("another session's binding, an unknown one and a changed list are refused", async () => {
    const login = (mechanism: string, binding: string) =>
      python(installation, "smtp", { mechanism, binding }).then(said);
    assertMatch(await login("SCRAM-SHA-256-PLUS", "wrong"), /^501 .*channel binding does not match/);
    assertMatch(await login("SCRAM-SHA-256-PLUS", "exporter"), /^501 .*tls-server-end-point/);
    assertMatch(await login("SCRAM-SHA-256-PLUS", "n"), /^501 .*needs channel binding/);
    assertMatch(await login("SCRAM-SHA-256", "y"), /^501 .*somebody has changed the list/);
  });
});

/** A login to each service with a token, by curl. */
async function tokenLogins(installation: Installation, mechanism: string, token: string): Promise<readonly number[]> {
  const codes: number[] = [];
  for (const service of ["imap", "pop3", "smtp"] as const) {
    codes.push((await curl(installation, service, { mechanism, password: token })).code);
  }
  return codes;
}

Deno.test("tokens are taken by signature and by introspection, and only good ones", async (t) => {
  await using tokens = new TokenServer();
  await using installation = await startAll(tokens);
  tokens.known.set("opaque-1", { active: true, email: USER, iss: TEST_ISSUER, aud: TEST_AUDIENCE });
  tokens.known.set("opaque-2", { active: true, email: "jim@example.test", iss: TEST_ISSUER, aud: TEST_AUDIENCE });
  const signed = (["RS256", "ES256", "EdDSA"] as const).map((name) =>
    [name, tokens.token(name, { email: USER })] as const
  );

  for (const mechanism of ["OAUTHBEARER", "XOAUTH2"]) {
    if (mechanism === "XOAUTH2") { // curl takes OAUTHBEARER where it can
      await installation.stop();
      await control(installation.root, { authmechanisms: "XOAUTH2\nPLAIN\nSCRAM-SHA-256\n" });
      await installation.serve();
    }
    for (const [name, token] of [...signed, ["introspection", "opaque-1"] as const]) {
      await t.step(`${mechanism} ${name}`, async () => {
        assertEquals(await tokenLogins(installation, mechanism, token), [0, 0, 0]);
      });
    }
    await t.step(`${mechanism} refuses what is not good, with curl's code for a refused login`, async () => {
      const bad = ["unknown", "opaque-2", tokens.token("ES256", { email: "jim@example.test" })];
      assertEquals(await tokenLogins(installation, mechanism, bad[0]!), [67, 67, 67]);
      for (const token of bad) {
        assertEquals((await curl(installation, "smtp", { mechanism, password: token })).code, 67);
      }
    });
  }
  assertEquals(tokens.counts.keys, 2);
  assertEquals(new Set(tokens.authorizations), new Set([`Basic ${btoa("mail:pass%20word")}`]));

  await t.step("ImapFlow and nodemailer log in with a token", async () => {
    const accessToken = tokens.token("RS256", { email: USER });
    const { imaps, submission, smtps } = installation.ports;
    const tls = { rejectUnauthorized: false };
    const auth = { user: USER, accessToken };
    const imap = new ImapFlow({ host: "127.0.0.1", port: imaps, secure: true, auth, tls, logger: false });
    await imap.connect();
    assertEquals(imap.authenticated, true);
    await imap.logout();
    const smtp = createTransport({
      host: "127.0.0.1",
      port: STARTTLS ? submission : smtps,
      secure: !STARTTLS,
      auth: { type: "OAuth2", ...auth },
      tls,
    });
    assertEquals(await smtp.verify(), true);
    smtp.close();
  });

  await t.step("a server of tokens that is down is a temporary failure, and no token is in the log", async () => {
    tokens.isDown = true;
    const result = await command("curl", [
      "--silent",
      "--verbose",
      "--insecure",
      "--ssl-reqd",
      "--config",
      "-",
      `${secured(installation, "smtp").scheme}://127.0.0.1:${secured(installation, "smtp").port}/client.test`,
    ], { stdin: `user = "${USER}"\noauth2-bearer = "opaque-3"\nlogin-options = "AUTH=XOAUTH2"\nrequest = "NOOP"\n` });
    assertMatch(said(result), /454 4\.7\.0 temporary authentication failure/);
    const log = await eventually("the log of the logins", async () => {
      const text = await installation.log();
      return text.includes("XOAUTH2") && text;
    });
    for (const secret of ["opaque-", PASSWORD, ...signed.map(([, token]) => token.slice(-20))]) {
      assert(!log.includes(secret), secret);
    }
  });
});

Deno.test("the environment takes mechanisms away from all services", async () => {
  await using tokens = new TokenServer();
  await using installation = await startAll(tokens, {
    DISABLE_AUTH_PLAIN: "",
    DISABLE_AUTH_LOGIN: "",
    DISABLE_AUTH_OAUTH2: "",
    DISABLE_DIGEST_MD5: "",
    DISABLE_CRAM_RIPEMD: "",
    DISABLE_SCRAM_SHA1: "",
  });
  const left = "SCRAM-SHA-512 SCRAM-SHA-256 CRAM-SHA512 CRAM-SHA384 CRAM-SHA256 CRAM-SHA224 CRAM-SHA1 CRAM-MD5";
  const { smtp, imap, pop3 } = installation.ports;
  using mail = await LineClient.connect(smtp);
  await mail.ask("", /^220 .*\r\n/);
  assertMatch(await mail.ask("EHLO client.test", /^250 .*\r\n/m), new RegExp(`AUTH ${left}\r\n`));
  using folders = await LineClient.connect(imap);
  const greeting = await folders.ask("", /^\* OK .*\r\n/);
  assertEquals([...greeting.matchAll(/AUTH=(\S+?)(?=[ \]])/g)].map(([, name]) => name).join(" "), left);
  using drop = await LineClient.connect(pop3);
  await drop.ask("", /^\+OK .*\r\n/);
  assertMatch(await drop.ask("CAPA", /^\.\r\n/m), new RegExp(`SASL ${left}\r\n`));
});
