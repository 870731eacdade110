/** What doctor finds in installations that are broken in one way each. */
import { assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { preloadLibc } from "../../core/libc/libc.ts";
import { type Paths, resolvePaths } from "../../core/paths.ts";
import { openDatabase } from "../../storage/accounts/open_database.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { controlFindings, databaseFinding, diskFinding, hostNameFinding } from "./doctor_checks.ts";

preloadLibc();
const NO_ENV = () => undefined;

async function inInstallation(work: (paths: Paths) => Promise<void> | void): Promise<void> {
  const root = Deno.makeTempDirSync();
  try {
    const paths = resolvePaths(root, NO_ENV);
    Deno.mkdirSync(paths.control, { recursive: true });
    await work(paths);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("good control files are not spoken of, wrong ones are named with what is wrong", () =>
  inInstallation((paths) => {
    Deno.writeTextFileSync(`${paths.control}/queuelifetime`, "604800\n");
    Deno.writeTextFileSync(`${paths.control}/of-the-operator`, "anything\n");
    assertEquals(controlFindings(paths, false), []);
    Deno.writeTextFileSync(`${paths.control}/queuelifetime`, "a week\n");
    Deno.mkdirSync(`${paths.control}/rcpthosts`);
    const [number, folder, ...more] = controlFindings(paths, false);
    assertEquals(more, []);
    assertMatch(
      `${number?.subject} ${number?.verdict} ${number?.text}`,
      /^control\/queuelifetime wrong .*a week is not a number/,
    );
    assertMatch(`${folder?.subject} ${folder?.verdict} ${folder?.text}`, /^control\/rcpthosts wrong .* is a folder/);
  }));

Deno.test("a control file that root alone reads is wrong where the roles have accounts", () =>
  inInstallation((paths) => {
    const path = `${paths.control}/host.mysql`;
    Deno.writeTextFileSync(path, "localhost\n", { mode: 0o600 });
    const rootOwns = Deno.statSync(path).uid === 0;
    assertEquals(controlFindings(paths, false), []);
    assertEquals(controlFindings(paths, true).map(({ verdict }) => verdict), rootOwns ? ["wrong"] : []);
  }));

Deno.test("an installation that is not there is told once for each part, with what makes it", () =>
  inInstallation(async (paths) => {
    Deno.removeSync(paths.control);
    assertMatch(controlFindings(paths, false)[0]!.text, /^there is no folder .*indimail serve makes it/);
    assertMatch(hostNameFinding(paths).text, /me is missing or empty: put this host's name there/);
    assertMatch((await databaseFinding(paths, NO_ENV)).text, /^there is no database .*run install_tables/);
    assertMatch(diskFinding(paths).text, /^there is no queue .*indimail serve makes it/);
  }));

Deno.test("the database of the accounts is tried, and a file that is none is wrong", () =>
  inInstallation(async (paths) => {
    const made = await openDatabase({ paths, control: new ControlFiles(paths.control), env: NO_ENV, create: true });
    await made.close();
    assertEquals((await databaseFinding(paths, NO_ENV)).verdict, "ok");
    Deno.writeTextFileSync(paths.database, "these are no pages of a database ".repeat(200));
    assertEquals((await databaseFinding(paths, NO_ENV)).verdict, "wrong");
  }));

Deno.test("a MySQL server that does not answer is wrong, and the control file is named", () =>
  inInstallation(async (paths) => {
    Deno.writeTextFileSync(`${paths.control}/host.mysql`, `localhost:indimail:secret:${paths.root}/none.sock\n`);
    const { verdict, text } = await databaseFinding(paths, NO_ENV);
    assertEquals(verdict, "wrong");
    assertMatch(text, /control\/host\.mysql/);
    assertEquals(text.includes("secret"), false);
  }));
