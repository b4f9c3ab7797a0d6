/** Numbers, dates and states as a person reads them. */

const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const NUMBER = new Intl.NumberFormat();

/** A moment in the reader's time zone; a capture time has no zone and stays as the camera's clock said. */
export const dateTime = (text) => DATE_TIME.format(new Date(text));

/** A day of the API, which counts in UTC. */
export const day = (text) => DAY.format(new Date(`${text}T00:00:00Z`));

export const number = (value) => NUMBER.format(value);

/** `1 photo`, `1,200 photos`. */
export const plural = (count, singular, several = `${singular}s`) => `${number(count)} ${count === 1 ? singular : several}`;

/** A confidence of 0 to 100 without digits that nobody can use. */
export const percent = (confidence) => `${Math.floor(confidence)}%`;

/** Bytes in the decimal units of file managers. */
export function size(bytes) {
  if (bytes < 1000) return plural(bytes, "byte");
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Seconds as `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return seconds < 10 ? `${Math.max(0, seconds).toFixed(1)} s` : `${whole} s`;
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  return minutes < 60 ? `${minutes} min ${rest} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const dollars = (amount) => `$${amount.toFixed(amount < 1 ? 3 : 2)}`;

const STATUS = {
  PENDING: ["Waiting", "busy"],
  RUNNING: ["Recognising", "busy"],
  SUCCEEDED: ["Recognised", "good"],
  PARTIAL: ["Partly recognised", "warn"],
  FAILED: ["Failed", "bad"],
  TIMED_OUT: ["Timed out", "bad"],
  ABORTED: ["Stopped", "bad"],
};

/**
 * What to call the state of a photo, and how it looks.
 *
 * @returns {{text: string, tone: "busy"|"good"|"warn"|"bad"}}
 */
export function photoStatus(photo) {
  const [text, tone] = STATUS[photo.status];
  return photo.status === "PENDING" && !photo.is_uploaded ? { text: "Not uploaded yet", tone } : { text, tone };
}

/** The words for the state of a run or a session, which are not the words for a photo. */
export function executionStatus(status) {
  const words = { RUNNING: "Running", SUCCEEDED: "Succeeded", FAILED: "Failed", TIMED_OUT: "Timed out", ABORTED: "Stopped" };
  return { text: words[status] || status, tone: (STATUS[status] || [null, "busy"])[1] };
}
