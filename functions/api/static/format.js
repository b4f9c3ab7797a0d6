/** Numbers, dates and states as a person reads them. */

const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const NUMBER = new Intl.NumberFormat();

/** A moment in the reader's time zone. */
export const dateTime = (text) => DATE_TIME.format(new Date(text));

/** A capture time as the camera's clock said it, wherever that is read; with its distance from UTC if that is known. */
export function captureTime(text) {
  const [offset] = text.match(/[+-]\d\d:\d\d$/) || [];
  // Taken for UTC and said in UTC, the clock keeps its hands, also in an hour that the reader's zone leaves out.
  const clock = CLOCK.format(new Date(`${text.slice(0, "2026-11-11T16:04:05".length)}Z`));
  return offset ? `${clock} (UTC${offset})` : clock;
}

/** A day of the API, which counts in UTC. */
export const day = (text) => DAY.format(new Date(`${text}T00:00Z`));

export const number = (value) => NUMBER.format(value);

/** `1 photo`, `1,200 photos`. */
export const plural = (count, one, several = `${one}s`) => `${number(count)} ${count === 1 ? one : several}`;

/** A confidence without digits that nobody can use; rounded down, so that only certainty reads as 100%. */
export const percent = (confidence) => `${Math.floor(confidence)}%`;

/**
 * The API takes no control characters and no marks that reverse the text behind them, so that `gpj.exe` looks like
 * `exe.jpg`; a file system, a paste and a key in S3 may bring both.
 */
export const withoutControls = (text) => text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, " ");

/** Bytes in the decimal units of file managers. */
export function size(bytes) {
  const kilobytes = Math.ceil(bytes / 1e3);
  if (kilobytes < 1000) return `${kilobytes} KB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** `4.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds) {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const dollars = (amount) => `$${amount.toFixed(amount < 0.9995 ? 3 : 2)}`;

const TONES = { PENDING: "busy", RUNNING: "busy", SUCCEEDED: "good", PARTIAL: "warn" };
const PHOTO_WORDS = { PENDING: "Waiting", RUNNING: "Recognising", SUCCEEDED: "Recognised", PARTIAL: "Partly recognised" };
const RUN_WORDS = { RUNNING: "Running", SUCCEEDED: "Succeeded" };
const END_WORDS = { FAILED: "Failed", TIMED_OUT: "Timed out", ABORTED: "Stopped" };

/**
 * The state of a photo in words, and the tone of its badge.
 *
 * @returns {{text: string, tone: "busy"|"good"|"warn"|"bad"}}
 */
export function photoStatus({ status, is_uploaded: isUploaded }) {
  const text = status === "PENDING" && !isUploaded ? "Not uploaded" : PHOTO_WORDS[status] || END_WORDS[status];
  return { text, tone: TONES[status] || "bad" };
}

/** The same for a run or a session. */
export const runStatus = ({ status }) => ({ text: RUN_WORDS[status] || END_WORDS[status] || status, tone: TONES[status] || "bad" });

/** What ended a run or a session: the name of an error, its cause, or both. */
export const failure = ({ name, cause }) => [name, cause].filter(Boolean).join(": ");
