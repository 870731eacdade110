import { assert, assertEquals, assertMatch, assertRejects } from "../../tests/support/assert.ts";
import { latin1Text, utf8Bytes } from "../bytes.ts";
import { Temporary, TimedOut } from "../errors.ts";
import type { Connection } from "../stream.ts";
import { connectTcp } from "./connect.ts";
import { canUpgradeToTls } from "./connection.ts";
import { listen } from "./listener.ts";
import { CertificateFolder } from "./tls_server.ts";
import { TEST_CERTIFICATE, TEST_CERTIFICATE_OTHER } from "../../tests/support/certificates.ts";

async function readText(connection: Connection): Promise<string | null> {
  const buffer = new Uint8Array(1000);
  const count = await connection.read(buffer);
  return count === null ? null : latin1Text(buffer.subarray(0, count));
}

/** Runs `server` and `client` on the two ends of one connection. */
async function pair(
  server: (connection: Connection) => Promise<void>,
  client: (connection: Connection) => Promise<void>,
  localHost?: string,
): Promise<void> {
  const errors: string[] = [];
  const listener = listen({ host: "127.0.0.1", port: 0, onError: (text) => errors.push(text) }, server);
  const connection = await connectTcp({
    host: "127.0.0.1",
    port: listener.port,
    timeoutMs: 5000,
    ...(localHost !== undefined && { localHost }),
  });
  try {
    await client(connection);
  } finally {
    connection.close();
    listener.close();
    await listener.drained;
  }
  assertEquals(errors, []);
}

async function withCertificates(
  run: (certificates: CertificateFolder, folder: string) => Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/servercert.pem`, TEST_CERTIFICATE);
    Deno.writeTextFileSync(`${folder}/other.test.pem`, TEST_CERTIFICATE_OTHER);
    await run(new CertificateFolder({ folder }), folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function echo(connection: Connection): Promise<void> {
  const buffer = new Uint8Array(65536);
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return;
    await connection.write(buffer.subarray(0, count));
  }
}

Deno.test("bytes go both ways and the end of one side is the end for the other", async () => {
  await pair(async (connection) => {
    assertEquals(connection.remote.host, "127.0.0.1");
    await connection.write(utf8Bytes("hello"));
    assertEquals(await readText(connection), "there");
    assertEquals(await readText(connection), null);
    assertEquals(await readText(connection), null);
  }, async (connection) => {
    assertEquals(await readText(connection), "hello");
    await connection.write(utf8Bytes("there"));
  });
});

Deno.test("a connection from a chosen local address works the same", async () => {
  await pair(async (connection) => {
    assertEquals(connection.remote.host, "127.0.0.9");
    await echo(connection);
  }, async (connection) => {
    await connection.write(utf8Bytes("from nine"));
    assertEquals(await readText(connection), "from nine");
  }, "127.0.0.9");
});

Deno.test("readable waits without a buffer and the next read has all bytes in order", async () => {
  const long = "x".repeat(700);
  await pair(async (connection) => {
    await connection.write(utf8Bytes(long));
    assertEquals(await readText(connection), "ok");
  }, async (connection) => {
    let got = "";
    while (got.length < long.length) {
      await connection.readable();
      await connection.readable();
      got += await readText(connection);
    }
    assertEquals(got, long);
    await connection.write(utf8Bytes("ok"));
  });
});

Deno.test("a silent peer is a TimedOut that names it, and the connection can still be written", async () => {
  await pair(async (connection) => {
    assertEquals(await readText(connection), "too slow");
  }, async (connection) => {
    connection.setTimeout(40);
    const error = await assertRejects(() => readText(connection), TimedOut);
    assertMatch(error.message, /127\.0\.0\.1 did not answer within 0.04 seconds/);
    await connection.write(utf8Bytes("too slow"));
  });
});

Deno.test("closing rejects a waiting read with Temporary", async () => {
  await pair(async (connection) => {
    assertEquals(await readText(connection), null);
  }, async (connection) => {
    const reading = assertRejects(() => readText(connection), Temporary, /closed/);
    connection.close();
    connection.close();
    await reading;
  });
});

Deno.test("a port where nobody listens is Temporary and names host and port", async () => {
  const listener = listen({ host: "127.0.0.1", port: 0 }, () => Promise.resolve());
  listener.close();
  await listener.drained;
  await assertRejects(
    () => connectTcp({ host: "127.0.0.1", port: listener.port, timeoutMs: 5000 }),
    Temporary,
    new RegExp(`cannot connect to 127.0.0.1 port ${listener.port}`),
  );
  await assertRejects(
    () => connectTcp({ host: "127.0.0.1", port: listener.port, timeoutMs: 5000, localHost: "127.0.0.1" }),
    Temporary,
  );
});

for (const localHost of [undefined, "127.0.0.1"]) {
  const over = localHost ? "a node socket" : "a Deno socket";

  Deno.test(`STARTTLS over ${over}: plain text, then TLS with the certificate of the asked name`, async () => {
    await withCertificates(async (certificates) => {
      await pair(async (connection) => {
        assertEquals(await readText(connection), "STARTTLS");
        await connection.write(utf8Bytes("go"));
        const state = await connection.startTls!(certificates);
        assertEquals(state.serverName, "other.test");
        assertEquals(connection.startTls, undefined);
        await echo(connection);
      }, async (connection) => {
        await connection.write(utf8Bytes("STARTTLS"));
        assertEquals(await readText(connection), "go");
        const state = await connection.connectTls!({
          serverName: "other.test",
          verify: true,
          ca: TEST_CERTIFICATE_OTHER.slice(0, TEST_CERTIFICATE_OTHER.indexOf("-----BEGIN PRIVATE")),
        });
        assertEquals(state.protocol, "TLSv1.3");
        assertEquals(state.verifyError, undefined);
        await connection.write(utf8Bytes("secret"));
        assertEquals(await readText(connection), "secret");
      }, localHost);
    });
  });

  Deno.test(`opportunistic TLS over ${over} goes on with an invalid certificate and tells why it is invalid`, async () => {
    await withCertificates(async (certificates) => {
      await pair(async (connection) => {
        await connection.startTls!(certificates);
        await echo(connection);
      }, async (connection) => {
        const state = await connection.connectTls!({ serverName: "mail.test", verify: false });
        assertMatch(state.verifyError ?? "", /SELF_SIGNED|self-signed/);
        const long = "y".repeat(300_000);
        let got = "";
        const writing = connection.write(utf8Bytes(long));
        while (got.length < long.length) got += await readText(connection);
        await writing;
        assertEquals(got, long);
      }, localHost);
    });
  });
}

Deno.test("verified TLS refuses an unknown issuer and a wrong name", async () => {
  await withCertificates(async (certificates) => {
    const listener = listen({ host: "127.0.0.1", port: 0, tls: certificates, onError: () => {} }, echo);
    const ca = TEST_CERTIFICATE.slice(0, TEST_CERTIFICATE.indexOf("-----BEGIN PRIVATE"));
    for (
      const [tls, why] of [
        [{ serverName: "mail.test", verify: true }, /self-signed/],
        [{ serverName: "wrong.test", verify: true, ca }, /does not match/],
      ] as const
    ) {
      const connection = await connectTcp({ host: "127.0.0.1", port: listener.port, timeoutMs: 5000 });
      await assertRejects(() => connection.connectTls!(tls), Temporary, why);
      connection.close();
    }
    listener.close();
    await listener.drained;
  });
});

Deno.test("a peer that speaks no TLS fails the handshake on both sides", async () => {
  await withCertificates(async (certificates) => {
    const errors: string[] = [];
    const listener = listen(
      { host: "127.0.0.1", port: 0, tls: certificates, onError: (text) => errors.push(text) },
      () => Promise.reject(new Error("served")),
    );
    const connection = await connectTcp({ host: "127.0.0.1", port: listener.port, timeoutMs: 5000 });
    await connection.write(utf8Bytes("EHLO plain.test\r\n"));
    while ((await readText(connection).catch(() => null)) !== null);
    connection.close();
    listener.close();
    await listener.drained;
    assertMatch(errors.join(), /TLS handshake with 127.0.0.1 failed/);
  });
  const plain = listen(
    { host: "127.0.0.1", port: 0 },
    (connection) => connection.write(utf8Bytes("220 plain.test\r\n")),
  );
  const connection = await connectTcp({ host: "127.0.0.1", port: plain.port, timeoutMs: 5000 });
  await assertRejects(() => connection.connectTls!({ serverName: "x", verify: false }), Temporary, /handshake/);
  connection.close();
  plain.close();
  await plain.drained;
});

Deno.test("a handshake that does not come is a TimedOut", async () => {
  await withCertificates(async (certificates) => {
    await pair(async (connection) => {
      connection.setTimeout(40);
      await assertRejects(() => connection.startTls!(certificates), TimedOut);
    }, async (connection) => {
      assertEquals(await readText(connection).catch(() => null), null);
    });
  });
});

Deno.test("a changed certificate is used for the next handshake", async () => {
  await withCertificates((_, folder) => {
    let nowMs = 0;
    const certificates = new CertificateFolder({ folder, nowMs: () => nowMs });
    const first = certificates.certificate(undefined);
    assertEquals(certificates.certificate("other.test").cert === first.cert, false);
    assertEquals(certificates.certificate("../servercert"), first);
    Deno.writeTextFileSync(`${folder}/servercert.pem`, `${TEST_CERTIFICATE_OTHER}\n`);
    assert(certificates.certificate("none.test") === first);
    nowMs += 10_000;
    assertEquals(certificates.certificate(undefined).cert, certificates.certificate("other.test").cert);
    Deno.removeSync(`${folder}/servercert.pem`);
    nowMs += 10_000;
    assertEquals(certificates.available(), false);
    return Promise.resolve();
  });
});

Deno.test("TLS on an open connection needs Deno 2.8", () => {
  assertEquals(["2.6.0", "2.7.14", "2.8.0", "2.10.1", "3.0.0"].map(canUpgradeToTls), [false, false, true, true, true]);
});
