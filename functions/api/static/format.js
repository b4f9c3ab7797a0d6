/** Format numbers, dates and states for people. */

const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const NUMBER = new Intl.NumberFormat();

/** A date and time in the reader's time zone. */
export const dateTime = (text) => DATE_TIME.format(new Date(text));

/** A capture time as the camera's clock showed it, in any time zone of the reader; with its UTC offset if known. */
export function captureTime(text) {
  const [offset] = text.match(/[+-]\d\d:\d\d$/) || [];
  // Parsed and formatted as UTC, the time stays as it is, even in an hour that the reader's time zone skips.
  const clock = CLOCK.format(new Date(`${text.slice(0, "2026-11-11T16:04:05".length)}Z`));
  return offset ? `${clock} (UTC${offset})` : clock;
}

/** A day of the API, which counts in UTC. */
export const day = (text) => DAY.format(new Date(`${text}T00:00Z`));

export const number = (value) => NUMBER.format(value);

/** `1 photo`, `1,200 photos`. */
export const plural = (count, one, several = `${one}s`) => `${number(count)} ${count === 1 ? one : several}`;

/** A confidence without decimals; rounded down, so that only certainty reads as 100%. */
export const percent = (confidence) => `${Math.floor(confidence)}%`;

/**
 * The API refuses control characters, and the marks that reverse the text after them, which make `gpj.exe` look like
 * `exe.jpg`. Names of files, pasted text and keys in S3 can contain both.
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

/** Why a run or a session failed: the name of an error, its cause, or both. */
export const failure = ({ name, cause }) => [name, cause].filter(Boolean).join(": ");
