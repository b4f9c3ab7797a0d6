/** Requests to the API, and its errors. */

import { withoutControls } from "./format.js";
import { accessToken, currentAccessToken, signIn } from "./session.js";

const TIMEOUT_MS = 30_000;
// A person who leaves the page waits no longer than this.
const LEAVING_MS = 3_000;
const RUSH = [429, 503];

/** A failed request. `message` is a sentence for the person: what is wrong, and the remedy. */
export class Problem extends Error {
  /**
   * @param {{status: number, title?: string, detail?: string, errors?: {field: string, message: string}[]}} body
   *   A problem of RFC 9457; status 0 means that no response came.
   * @param {number} [waitSeconds] The `Retry-After` of the response.
   */
  constructor({ status, title, detail, errors }, waitSeconds = 0) {
    const fields = errors?.map(({ field, message }) => `${field}: ${message}`).join(". ");
    super(fields || detail || `The service answered ${status}. Try again in a moment.`);
    this.status = status;
    this.title = title;
    this.waitSeconds = waitSeconds;
  }

  /** Whether the same request can succeed later. */
  get isTransient() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * Call the API.
 *
 * @param {"GET"|"POST"|"PATCH"|"DELETE"} method
 * @param {string} path Below `/api/`.
 * @param {{query?: Object<string, any>, body?: object, key?: string, signal?: AbortSignal, keepalive?: boolean}} [options]
 *   Empty values of `query` are left out; `key` is the idempotency key of a POST; with `keepalive` the request
 *   continues when the page is closed.
 * @returns {Promise<any>} The JSON of the response, or `null` when it has none (204).
 * @throws {Problem}
 */
export async function call(method, path, { query = {}, body, key, signal, keepalive = false } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(given).toString();
  const address = `/api/${path}${search ? `?${search}` : ""}`;
  const request = { method, address, body: body && JSON.stringify(body), key, signal, keepalive };

  let token = await accessToken();
  let answer = token && (await send(request, token));
  if (token && answer.status === 401) {
    token = await accessToken(token);
    answer = token && (await send(request, token));
  }
  if (!token) return signIn();
  // A GET is safe to repeat, so a short throttling is waited out here.
  for (let wait = 1; method === "GET" && RUSH.includes(answer.status) && wait <= 2; wait += 1) {
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    answer = await send(request, token);
  }
  if (answer.ok) return answer.body;
  throw new Problem({ ...answer.body, status: answer.status }, answer.waitSeconds);
}

/**
 * Delete a photo while the page closes: the browser sends the request even after the page is gone.
 *
 * @returns {Promise<boolean>} Whether the photo is deleted, for a page that stays open after all.
 */
export async function deleteOnTheWayOut(photoId) {
  const headers = { Authorization: `Bearer ${currentAccessToken()}` };
  const signal = AbortSignal.timeout(LEAVING_MS);
  const request = { method: "DELETE", keepalive: true, headers, signal };
  const answer = await fetch(`/api/photos/${photoId}`, request).catch(() => null);
  return Boolean(answer?.ok) || answer?.status === 404;
}

async function send({ method, address, body, key, signal, keepalive }, token) {
  const headers = { Authorization: `Bearer ${token}` };
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const signals = [AbortSignal.timeout(TIMEOUT_MS), signal].filter(Boolean);
  try {
    const response = await fetch(address, { method, body, headers, keepalive, signal: AbortSignal.any(signals) });
    const { ok, status } = response;
    const waitSeconds = Number(response.headers.get("Retry-After")) || 0;
    return { ok, status, waitSeconds, body: parsed(await response.text()) };
  } catch (error) {
    if (signal?.aborted) throw error;
    const detail = "The service did not answer. Check your connection and try again.";
    throw new Problem({ status: 0, title: "No connection", detail });
  }
}

/** The JSON of a response; `null` for an empty one or a proxy's page. Strings are made safe to show. */
function parsed(text) {
  try {
    return JSON.parse(text, (_, value) => (typeof value === "string" ? withoutControls(value) : value));
  } catch {
    return null;
  }
}
