/** Tests of the timetable: files and parked messages come out when they are due, and once. */
import { assertEquals } from "../../tests/support/assert.ts";
import { newActive } from "./active.ts";
import { Timetable } from "./timetable.ts";

function message(fileId: number | undefined) {
  return newActive({
    id: "1",
    fileId,
    arrivedMs: 0,
    sizeBytes: 0,
    sender: "",
    submitter: { uid: 0, pid: 1 },
    extraHeader: "",
    environmentHeaders: "",
    recipients: [],
    bounced: false,
  });
}

Deno.test("what was added comes out when it is due, by file or as it was parked", () => {
  let changes = 0;
  const timetable = new Timetable(() => changes++);
  const parked = message(undefined);
  timetable.addFile("local", 7, 300);
  timetable.add("local", message(8), 200);
  timetable.add("local", parked, 100);
  timetable.add("remote", parked, 400);
  assertEquals([changes, timetable.size, parked.parked], [4, 4, 2]);
  assertEquals([timetable.isDue("local", 99), timetable.isDue("local", 100)], [false, true]);
  assertEquals([timetable.nextMs(0), timetable.nextMs(100), timetable.nextMs(400)], [100, 400, Infinity]);
  assertEquals(timetable.take("local"), { active: parked });
  assertEquals(parked.parked, 1);
  assertEquals(timetable.nextMs(100), 200);
  assertEquals(timetable.take("local"), { fileId: 8 });
  assertEquals(timetable.take("local"), { fileId: 7 });
  assertEquals(timetable.take("local"), undefined);
  assertEquals(timetable.take("finish"), undefined);
  assertEquals(timetable.take("remote"), { active: parked });
  assertEquals([timetable.size, parked.parked], [0, 0]);
});

Deno.test("what is made due all at once is counted, and wakes whoever waits", () => {
  let changes = 0;
  const timetable = new Timetable(() => changes++);
  for (let fileId = 1; fileId <= 10; fileId++) timetable.addFile("remote", fileId, 1000 + fileId);
  assertEquals([timetable.countDue(1004), changes], [4, 10]);
  timetable.makeAllDue(500);
  assertEquals([timetable.countDue(500), changes], [10, 11]);
});
