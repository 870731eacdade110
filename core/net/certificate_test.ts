/** Tests of certificates: what they name, who signs them, and what is wrong with a file. */
import { X509Certificate } from "node:crypto";
import { assert, assertEquals, assertMatch, assertRejects } from "../../tests/support/assert.ts";
import { Permanent, Temporary } from "../errors.ts";
import { certificateFacts, type CertificateRequest, makeCertificate } from "./certificate.ts";
import { parseServerPem } from "./tls_server.ts";

const NOW_MS = Date.UTC(2030, 0, 1);
const REQUEST: CertificateRequest = { hostNames: ["mx.example.org", "localhost"], days: 10, nowMs: NOW_MS };

Deno.test("a certificate names the host, localhost and loopback, with its key in front", async () => {
  const pem = await makeCertificate({ ...REQUEST, email: "postmaster@example.org" });
  assertMatch(pem, /^-----BEGIN PRIVATE KEY-----\n[^-]+-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n/);
  const certificate = new X509Certificate(parseServerPem(pem, "test").cert);
  assertEquals(
    certificate.subjectAltName,
    "DNS:mx.example.org, DNS:localhost, IP Address:127.0.0.1, IP Address:::1, email:postmaster@example.org",
  );
  const facts = await certificateFacts(pem, "test");
  assertEquals([facts.subject, facts.issuer], ["CN=mx.example.org", "CN=mx.example.org"]);
  assertEquals([facts.notBeforeMs, facts.notAfterMs], [NOW_MS - 86_400_000, NOW_MS + 10 * 86_400_000]);
  assert(facts.isForServers && facts.isForClients && facts.hasItsKey);
});

Deno.test("a name with a comma stays one name", async () => {
  const { subject } = await certificateFacts(await makeCertificate({ ...REQUEST, hostNames: ["a, CN=b"] }), "test");
  assertEquals(subject, "CN=a\\, CN=b");
});

Deno.test("an authority's certificate follows the one that it signed", async () => {
  const authority = parseServerPem(await makeCertificate({ ...REQUEST, hostNames: ["ca.example.org"] }), "ca");
  const pem = await makeCertificate({ ...REQUEST, authority });
  const [own, above] = pem.match(/-----BEGIN CERT[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  assert(own !== undefined && above !== undefined);
  assertEquals(above, authority.cert.trim());
  const facts = await certificateFacts(pem, "test");
  assertEquals([facts.subject, facts.issuer], ["CN=mx.example.org", "CN=ca.example.org"]);
  assert(facts.hasItsKey);
  assert(new X509Certificate(own).verify(new X509Certificate(above).publicKey));
});

Deno.test("a foreign key is told, and a file without a certificate is refused by its name", async () => {
  const [one, other] = [await makeCertificate(REQUEST), await makeCertificate(REQUEST)];
  const mixed = parseServerPem(one, "one").cert + parseServerPem(other, "other").key;
  assertEquals((await certificateFacts(mixed, "mixed")).hasItsKey, false);
  await assertRejects(() => certificateFacts("hello", "file"), Temporary, "file");
  const broken = one.replace(/(-----BEGIN CERTIFICATE-----\n).*/, "$1AAAA");
  await assertRejects(() => certificateFacts(broken, "file"), Permanent, "file is no certificate");
});
