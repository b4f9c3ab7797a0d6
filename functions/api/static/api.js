/** Requests to the API, and what it answers when something is wrong. */

import { accessToken, currentAccessToken, signIn } from "./session.js";

const TIMEOUT_MS = 30_000;

/** A request that was not fulfilled. `message` is a sentence for the person: what is wrong, and the remedy. */
export class Problem extends Error {
  /**
   * @param {{status: number, title?: string, detail?: string, errors?: {field: string, message: string}[]}} body
   *   A problem of RFC 9457; status 0 means that no answer came.
   * @param {number} [waitSeconds] How long the service asks to be left alone.
   */
  constructor({ status, title, detail, errors = [] }, waitSeconds = 0) {
    super(detail || `The service answered ${status}. Try again in a moment.`);
    this.status = status;
    this.title = title;
    this.errors = errors;
    this.waitSeconds = waitSeconds;
  }

  /** Whether the same request can succeed later. */
  get isTransient() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * Ask the API.
 *
 * @param {"GET"|"POST"|"PATCH"|"DELETE"} method
 * @param {string} path Below `/api/`.
 * @param {{query?: Object<string, any>, body?: object, key?: string, signal?: AbortSignal}} [options]
 *   Empty values of `query` are left out; `key` is the idempotency key of a POST.
 * @returns {Promise<any>} The answer's JSON, or `null` when it has none (204).
 * @throws {Problem}
 */
export async function call(method, path, { query = {}, body, key, signal } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(given).toString();
  const address = `/api/${path}${search ? `?${search}` : ""}`;
  const options = { method, body: body && JSON.stringify(body), signal };

  let token = await accessToken();
  let response = token && (await send(address, options, key, token));
  if (token && response.status === 401) {
    token = await accessToken(token);
    response = token && (await send(address, options, key, token));
  }
  if (!token) return signIn();
  if (response.ok) return response.status === 204 ? null : response.json();
  throw await problemOf(response);
}

/** Delete a photo while the page goes: the browser sends this even when nothing is left that could wait for it. */
export function deleteOnTheWayOut(photoId) {
  const headers = { Authorization: `Bearer ${currentAccessToken()}` };
  fetch(`/api/photos/${photoId}`, { method: "DELETE", keepalive: true, headers });
}

async function send(address, options, key, token) {
  const headers = { Authorization: `Bearer ${token}` };
  if (options.body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), TIMEOUT_MS);
  const giveUp = () => patience.abort();
  options.signal?.addEventListener("abort", giveUp);
  try {
    return await fetch(address, { ...options, headers, signal: patience.signal });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem({
      status: 0,
      title: "No connection",
      detail: "The service did not answer. Check your connection and try again.",
    });
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", giveUp);
  }
}

async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  return new Problem({ ...body, status: response.status }, Number(response.headers.get("Retry-After")) || 0);
}
