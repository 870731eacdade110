/** Vectors of the RFCs, channel binding and choice, beyond what server_test.ts runs for every mechanism alike. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { latin1Text } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import type { TlsState } from "../../core/stream.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../tests/support/assert.ts";
import { TEST_CERTIFICATE } from "../../tests/support/certificates.ts";
import { BEARER_FAILURES, parseOauthBearer, parseXoauth2 } from "./bearer_server.ts";
import { channelBinding, serverEndPoint, usableMechanisms } from "./channel_binding.ts";
import { chooseMechanism, startSaslClient } from "./client.ts";
import { formatDirectives, parseDirectives } from "./digest_directives.ts";
import { digestKeys } from "./digest_md5.ts";
import { SASL_MECHANISMS, type SaslMechanism } from "./mechanisms.ts";
import { type SaslExchange, type SaslSettings, type SaslVerifier, startSasl } from "./server.ts";

const CHRIS = { user: "chris", password: "secret" };
const ELWOOD = { realm: "elwood.innosoft.com", nc: "00000001", qop: "auth" };
const encoder = new TextEncoder();

const der = (pem: string) =>
  new Uint8Array(Buffer.from(/BEGIN CERTIFICATE-----([^-]+)/.exec(pem)![1]!.replaceAll(/\s/g, ""), "base64"));
const TLS: TlsState = { protocol: "TLSv1.3", cipher: "x", serverCertificate: der(TEST_CERTIFICATE) };

Deno.test("DIGEST-MD5 computes both proofs of the examples of RFC 2831 4", () => {
  assertEquals(
    digestKeys(CHRIS, {
      ...ELWOOD,
      nonce: "OA6MG9tEQGm2hh",
      cnonce: "OA6MHXh6VqTrRk",
      uri: "imap/elwood.innosoft.com",
    }),
    { response: "d388dad90d4bbd760a152321f2143af7", rspauth: "ea40f60335c427b5527b84dbabcdfffd" },
  );
  assertEquals(
    digestKeys(CHRIS, {
      ...ELWOOD,
      nonce: "OA9BSXrbuRhWay",
      cnonce: "OA9BSuZWMSpW8m",
      uri: "acap/elwood.innosoft.com",
    }),
    { response: "6084c6db3fede7352c551284490fd0fc", rspauth: "2f0b3d7c3c2e486600ef710726aa2eae" },
  );
});

/** Knows chris by DIGEST-MD5 and user@example.com by a token. */
const KNOWS: SaslVerifier<boolean> = {
  verifyPassword: () => Promise.resolve(false),
  verifyCram: () => Promise.resolve(false),
  verifyDigest(user, exchange) {
    const { response, rspauth } = digestKeys({ user, password: "secret" }, exchange);
    return Promise.resolve({ result: user === "chris" && response === exchange.response, rspauth });
  },
  scramParameters: () => Promise.resolve({ saltBase64: "QSXCR+Q6sek8bf92", iterations: 4096 }),
  verifyScram: () => Promise.resolve({ result: false, serverSignatureBase64: "" }),
  verifyToken: (user, token) =>
    Promise.resolve(user === "user@example.com" && token === "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="),
  succeeded: (result) => result,
};

function begin(mechanism: SaslMechanism, settings: Partial<SaslSettings> = {}): SaslExchange<boolean> {
  return startSasl(mechanism, KNOWS, {
    hostName: "elwood.innosoft.com",
    nonce: () => "OA6MG9tEQGm2hh",
    nowMs: 0,
    ...settings,
  });
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("the DIGEST-MD5 server takes the client's message of RFC 2831 4, and proves itself", async () => {
  const exchange = begin("DIGEST-MD5", { service: "imap" });
  const first = await exchange.step(undefined);
  assert(first.kind === "challenge");
  assertEquals(
    text(first.bytes),
    'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",charset=utf-8,algorithm=md5-sess',
  );
  const second = await exchange.step(encoder.encode(
    'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,' +
      'cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",' +
      "response=d388dad90d4bbd760a152321f2143af7,qop=auth",
  ));
  assert(second.kind === "challenge");
  assertEquals(text(second.bytes), "rspauth=ea40f60335c427b5527b84dbabcdfffd");
  assertEquals(await exchange.step(new Uint8Array()), { kind: "finished", result: true });
});

Deno.test("the DIGEST-MD5 server refuses an old nonce, another count, service, qop or user to act for", async () => {
  const good = {
    username: "chris",
    realm: "elwood.innosoft.com",
    nonce: "OA6MG9tEQGm2hh",
    nc: "00000001",
    cnonce: "OA6MHXh6VqTrRk",
    "digest-uri": "imap/elwood.innosoft.com",
    response: "d388dad90d4bbd760a152321f2143af7",
    qop: "auth",
  };
  const wrong: readonly Record<string, string>[] = [
    { nonce: "old" },
    { nc: "00000002" },
    { "digest-uri": "smtp/elwood.innosoft.com" },
    { "digest-uri": "imap" },
    { qop: "auth-int" },
    { authzid: "root" },
    { response: "d388" },
    { charset: "koi8-r" },
    { cnonce: "" },
  ];
  for (const change of [{}, ...wrong]) {
    const exchange = begin("DIGEST-MD5", { service: "imap" });
    await exchange.step(undefined);
    const step = await exchange.step(encoder.encode(formatDirectives({ ...good, ...change }, "client")));
    assertEquals(step.kind, Object.keys(change).length === 0 ? "challenge" : "malformed", JSON.stringify(change));
  }
});

Deno.test("the DIGEST-MD5 client believes only a server that proves itself", async () => {
  const client = startSaslClient("DIGEST-MD5", {
    ...CHRIS,
    nonce: () => "OA6MHXh6VqTrRk",
    target: "imap/elwood.innosoft.com",
  });
  const answer = await client.answer(encoder.encode(
    'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8',
  ));
  assertEquals(parseDirectives(latin1Text(answer))?.get("response"), "d388dad90d4bbd760a152321f2143af7");
  await assertRejects(() => client.answer(encoder.encode("rspauth=00000000000000000000000000000000")), Permanent);
  assertEquals(client.complete, false);
  await client.answer(encoder.encode("rspauth=ea40f60335c427b5527b84dbabcdfffd"));
  assertEquals(client.complete, true);
});

Deno.test("directives: what is formatted is parsed back, whatever the bytes", () => {
  let seed = 20260;
  const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  for (let round = 0; round < 500; round++) {
    const value = String.fromCharCode(...Array.from({ length: random(20) }, () => 1 + random(255)));
    const directives = { username: value, realm: value.slice(1), nonce: "abc", nc: "00000001", qop: "auth" };
    for (const side of ["client", "server"] as const) {
      assertEquals(
        Object.fromEntries(parseDirectives(formatDirectives(directives, side)) ?? []),
        directives,
        `seed ${seed}`,
      );
    }
  }
  for (const bad of ["a", "a=", 'a="', 'a="b"c', "a=b,a=c", "=b", "a=b c", `a="${"x".repeat(5000)}"`, "a=b;c=d"]) {
    assertEquals(parseDirectives(bad), undefined, bad);
  }
  assertEquals(Object.fromEntries(parseDirectives(' ,, a = "b\\"\\\\" , c=d ,')!), { a: 'b"\\', c: "d" });
  assertEquals(parseDirectives("")?.size, 0);
});

Deno.test("OAUTHBEARER takes the message of RFC 7628 4.1; a refusal is told in JSON first", async () => {
  const token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
  const message = `n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer ${token}\x01\x01`;
  assertEquals(parseOauthBearer(message), { user: "user@example.com", token });
  assertEquals(await begin("OAUTHBEARER").step(encoder.encode(message)), { kind: "finished", result: true });
  const refused = begin("OAUTHBEARER");
  const step = await refused.step(encoder.encode(message.replace("vF9d", "xF9d")));
  assert(step.kind === "challenge");
  assertEquals(JSON.parse(text(step.bytes)), { status: "invalid_token" });
  assertEquals(await refused.step(encoder.encode("\x01")), { kind: "finished", result: false });
  assertEquals(parseOauthBearer(`y,,\x01auth=bearer ${token}\x01\x01`), { user: "", token });
  assertEquals(parseXoauth2(`user=a@b\x01auth=Bearer ${token}\x01\x01`), { user: "a@b", token });
  assertEquals(JSON.parse(BEARER_FAILURES.XOAUTH2).status, "401");
});

Deno.test("the end point of a certificate is hashed as its signature is, SHA-1 and MD5 replaced, Ed25519 not at all", () => {
  const sequence = (...parts: readonly Uint8Array[]) => {
    const inside = Buffer.concat(parts);
    return new Uint8Array(Buffer.concat([Uint8Array.of(0x30, 0x82, inside.length >> 8, inside.length & 255), inside]));
  };
  const identifier = (hex: string) =>
    new Uint8Array(Buffer.from(`06${(hex.length / 2).toString(16).padStart(2, "0")}${hex}`, "hex"));
  const certificate = (...algorithm: readonly Uint8Array[]) =>
    sequence(sequence(new Uint8Array(300)), sequence(...algorithm), new Uint8Array(70));
  const hashed = (bytes: Uint8Array, hash: string) => new Uint8Array(createHash(hash).update(bytes).digest());
  const cases: readonly (readonly [Uint8Array, string | undefined])[] = [
    [der(TEST_CERTIFICATE), "sha256"],
    [certificate(identifier("2a864886f70d010105")), "sha256"],
    [certificate(identifier("2a864886f70d010104")), "sha256"],
    [certificate(identifier("2a864886f70d01010c")), "sha384"],
    [certificate(identifier("2a8648ce3d040304")), "sha512"],
    [certificate(identifier("2b6570")), undefined],
    [certificate(identifier("2a864886f70d01010a"), sequence()), "sha256"],
    [
      certificate(
        identifier("2a864886f70d01010a"),
        sequence(
          Uint8Array.of(0xa0, 0x0f),
          Uint8Array.of(0x30, 0x0d),
          identifier("608648016503040202"),
          Uint8Array.of(5, 0),
        ),
      ),
      "sha384",
    ],
  ];
  for (const [bytes, hash] of cases) {
    assertEquals(serverEndPoint(bytes), hash === undefined ? undefined : hashed(bytes, hash));
  }
  for (const length of [0, 1, 2, 3, 50, 400]) serverEndPoint(der(TEST_CERTIFICATE).subarray(0, length));
  assertEquals(channelBinding(undefined), undefined);
  assertEquals(channelBinding(TLS), hashed(der(TEST_CERTIFICATE), "sha256"));
});

Deno.test("a client that believes there is no -PLUS is refused where one was offered [rfc5802 6]", async () => {
  const reasonOf = async (mechanism: SaslMechanism, message: string, offered: readonly SaslMechanism[]) => {
    const step = await begin(mechanism, { tls: TLS, offered }).step(encoder.encode(message));
    return step.kind === "malformed" ? step.reason : step.kind;
  };
  const both = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"] as const;
  assertEquals(
    await reasonOf("SCRAM-SHA-256", "y,,n=user,r=abc", both),
    "channel binding was offered: somebody has changed the list",
  );
  assertEquals(await reasonOf("SCRAM-SHA-256", "n,,n=user,r=abc", both), "challenge");
  assertEquals(await reasonOf("SCRAM-SHA-256", "y,,n=user,r=abc", ["SCRAM-SHA-256"]), "challenge");
  assertEquals(await reasonOf("SCRAM-SHA-1", "y,,n=user,r=abc", both), "challenge");
  assertEquals(
    await reasonOf("SCRAM-SHA-256", "p=tls-server-end-point,,n=user,r=abc", both),
    "channel binding needs a mechanism with -PLUS",
  );
  assertEquals(
    await reasonOf("SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=user,r=abc", both),
    "the only channel binding is tls-server-end-point",
  );
  assertEquals(await reasonOf("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=user,r=abc", both), "challenge");
});

Deno.test("-PLUS is usable only with a certificate to bind to, secrets only where plain text is allowed", () => {
  const usable = (tls: TlsState | undefined, plainTextAllowed: boolean) =>
    usableMechanisms(SASL_MECHANISMS, { tls, plainTextAllowed });
  assertEquals(usable(TLS, true), SASL_MECHANISMS);
  const bare = usable(undefined, false);
  assert(!bare.some((name) => name.endsWith("-PLUS") || ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"].includes(name)));
  assertEquals(bare.length, SASL_MECHANISMS.length - 7);
  assertEquals(usable({ protocol: "TLSv1.3", cipher: "x" }, true).length, SASL_MECHANISMS.length - 3);
});

Deno.test("our client takes SCRAM first, then challenges, then the password itself; tokens and -PLUS only by name", () => {
  const choice = (...offered: readonly string[]) => chooseMechanism(new Set(offered));
  assertEquals(choice("PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"), "SCRAM-SHA-1");
  assertEquals(choice("PLAIN", "CRAM-MD5", "XOAUTH2"), "CRAM-MD5");
  assertEquals(choice("XOAUTH2", "LOGIN"), "LOGIN");
  assertEquals(choice("XOAUTH2", "GSSAPI"), undefined);
  assertThrows(() => startSaslClient("SCRAM-SHA-1-PLUS", { ...CHRIS, nonce: () => "x" }), Permanent);
});

Deno.test("no response, however odd, makes a server throw or take anybody", async () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  const words = [
    "n,,n=user,r=abc",
    "p=tls-server-end-point,,",
    "c=biws,r=OA6MG9tEQGm2hh,p=AAAA",
    "\0",
    "\x01",
    "auth=Bearer abc\x01\x01",
    "user=",
    'username="chris",',
    'nonce="OA6MG9tEQGm2hh",',
    'cnonce="x",nc=00000001,digest-uri="imap/h",response=',
    "0".repeat(32),
    " ",
    ",",
    "=",
    '"',
    "\\",
    "chris",
  ];
  for (let round = 0; round < 3000; round++) {
    const exchange = begin(SASL_MECHANISMS[random(SASL_MECHANISMS.length)]!, { tls: TLS });
    for (let count = 0; count < 4; count++) {
      let text = "";
      for (let length = random(6); length > 0; length--) {
        text += random(5) === 0 ? String.fromCharCode(random(256)) : words[random(words.length)];
      }
      const step = await exchange.step(count === 0 && random(2) === 0 ? undefined : Buffer.from(text, "latin1"));
      if (step.kind === "finished") assertEquals(step.result, false, `round ${round}`);
      if (step.kind !== "challenge") break;
    }
  }
});
