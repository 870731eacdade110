import { assert, assertEquals } from "../../../tests/support/assert.ts";
import { findStartedIn, isRunning, markOf, markOfNext, ownChildren, runningName } from "./process_mark.ts";

Deno.test("a mark is of one process only", async () => {
  const folder = Deno.realPathSync(Deno.makeTempDirSync());
  const before = markOfNext();
  const child = new Deno.Command("sleep", { args: ["1000"], cwd: folder }).spawn();
  try {
    const mark = markOf(child.pid);
    assert(mark !== undefined && isRunning(mark));
    assert(!isRunning({ ...mark, startTicks: mark.startTicks - 1 }));
    assert(!isRunning({ ...mark, bootId: "another" }));
    assertEquals(findStartedIn(folder, before), child.pid);
    assertEquals(findStartedIn("/nowhere", before), undefined);
    assertEquals(findStartedIn(folder, { ...before, bootId: "another" }), undefined);
    assert(ownChildren().includes(child.pid));
    assertEquals(runningName(child.pid), "sleep");
    child.kill("SIGKILL");
    await child.status;
    assert(!isRunning(mark));
    assertEquals(markOf(child.pid), undefined);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
