export { type ReportSubject, reportPage } from "./page.ts";
