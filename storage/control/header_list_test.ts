import { assertEquals } from "../../tests/support/assert.ts";
import { FILTER_HEADERS } from "../../mail/filter/rules.ts";
import { ControlFiles } from "./control.ts";
import { filterHeaderNames } from "./header_list.ts";

Deno.test("header fields are those of control/headerlist, of the original's file above it, or the built-in ones", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/control`);
    const names = () => filterHeaderNames(new ControlFiles(`${folder}/control`));
    assertEquals(names(), FILTER_HEADERS);
    await Deno.writeTextFile(`${folder}/headerlist`, "Return-Path\nX-Site \n\n");
    assertEquals(names(), ["Return-Path", "X-Site"]);
    await Deno.writeTextFile(`${folder}/control/headerlist`, "From\n");
    assertEquals(names(), ["From"]);
    await Deno.writeTextFile(`${folder}/control/headerlist`, "\n");
    assertEquals(names(), FILTER_HEADERS);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
