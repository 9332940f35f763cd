/**
 * A process that locks a folder, says so, and holds it until it is killed.
 */
import { lockFolder } from "../../services/activity-log/embedded/index.ts";

const lock = lockFolder(process.argv[2]!, { pid: process.pid });
lock.update({ pid: process.pid, address: "http://127.0.0.1:8080" });
console.log("held");
setInterval(() => lock, 60_000);
