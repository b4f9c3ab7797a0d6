/**
 * Sign in and out: OAuth's authorization code flow with PKCE, against the user pool's own pages.
 *
 * The tokens live in sessionStorage: they end with the tab, and another tab cannot read them.
 */

const SCOPE = "openid email";
// Its tokens can change the password, address and second factor of the account, so they are never stored.
const ACCOUNT_SCOPE = "openid email aws.cognito.signin.user.admin";
const TOKENS = "tokens";
const ATTEMPT = "sign-in attempt";
// A token this close to its end could expire on the way.
const REFRESH_EARLY_MS = 30_000;
// A token that is refused this soon would be refused after another sign-in too: do not loop.
const FRESH_MS = 20_000;

// The errors of a sign-in, https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2.1. The description in the address
// is never shown: anyone can write a link with a text of their own.
const REFUSALS = new Map([
  ["access_denied", "This account was not let in, or the sign-in was cancelled. Sign in again, or ask the operators for access."],
  ["server_error", "The sign-in service has failed. Sign in again in a minute."],
  ["temporarily_unavailable", "The sign-in service is busy. Sign in again in a minute."],
]);
const OTHER_REFUSAL = "The sign-in was refused. Sign in again; if that does not help, contact the operators.";
// Signing out waits no longer than this.
const REVOKE_MS = 3000;

let config = null;
let refreshing = null;
let leaving = null;
/** The tokens for changing the second factor, kept until the tab is closed, left or reloaded. */
let accountTokens = null;

/**
 * The settings of this stack: where to sign in, and which files may be uploaded.
 *
 * @returns {Promise<{client_id: string, sign_in_url: string, user_pool_url: string, redirect_uri: string,
 *   upload_limit_bytes: number, upload_types: string[]}>} Requested again after a failure.
 */
export function settings() {
  config ||= loadSettings().catch((error) => {
    config = null;
    throw error;
  });
  return config;
}

async function loadSettings() {
  const response = await fetch("/config.json").catch(() => null);
  const found = response?.ok && (await response.json().catch(() => null));
  if (found) return found;
  throw passing("The settings of this page did not load. Check your connection and try again.");
}

/** An error that may not occur again when the request is repeated. */
const passing = (sentence) => Object.assign(new Error(sentence), { isTransient: true, waitSeconds: 0 });

export const isSignedIn = () => storedTokens() !== null;

/**
 * Leave for the sign-in page; the person comes back to where they were.
 *
 * @param {{create?: boolean, isUnasked?: boolean, forAccount?: boolean}} [options] `create` opens the form for a new
 *   account. With `isUnasked` the page leaves without a press: it then leaves no entry in the history, which would only
 *   lead to the sign-in page again. `forAccount` asks for the password once more, and for the right to change the
 *   second factor.
 */
export function signIn({ create = false, isUnasked = false, forAccount = false } = {}) {
  // Several requests may find at once that the session is over; two attempts would overwrite each other's state.
  leaving ||= leaveFor(create ? "/signup" : "/oauth2/authorize", isUnasked, forAccount).catch((error) => {
    leaving = null;
    throw error;
  });
  return leaving;
}

async function leaveFor(form, isUnasked, forAccount) {
  const { client_id, sign_in_url, redirect_uri } = await settings();
  const attempt = { state: random(), nonce: random(), verifier: random(), return_to: location.hash, for_account: forAccount };
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt.verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id,
    redirect_uri,
    scope: forAccount ? ACCOUNT_SCOPE : SCOPE,
    ...(forAccount && { prompt: "login" }),
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  const address = `${sign_in_url}${form}?${query}`;
  if (isUnasked) location.replace(address);
  else location.assign(address);
  return new Promise(() => {}); // The page is about to close: the caller must not continue.
}

/**
 * If the sign-in page redirected to this address, exchange its code for tokens.
 *
 * @throws {Error} With a sentence for the person, when the sign-in failed or does not match the attempt.
 */
export async function finishSignIn() {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("code") && !answer.has("error")) return;
  const attempt = JSON.parse(sessionStorage.getItem(ATTEMPT));
  sessionStorage.removeItem(ATTEMPT);
  // The code must not stay in the address or in the history.
  history.replaceState(null, "", `${location.pathname}${attempt?.return_to || ""}`);
  if (!attempt || attempt.state !== answer.get("state")) throw new Error("This sign-in was not begun in this tab. Sign in again here.");
  if (answer.has("error")) throw new Error(REFUSALS.get(answer.get("error")) || OTHER_REFUSAL);
  const { redirect_uri } = await settings();
  const grant = { grant_type: "authorization_code", code: answer.get("code"), redirect_uri, code_verifier: attempt.verifier };
  const tokens = await requestTokens(grant);
  if (!tokens) throw new Error("The sign-in took too long. Sign in again.");
  if (claims(tokens.id_token).nonce !== attempt.nonce) throw new Error("The response belongs to another sign-in. Sign in again.");
  if (attempt.for_account) keepForTheAccount(tokens);
  else store(tokens);
}

/** Keep tokens of the account in this tab's memory, if they belong to the person who is signed in here. */
function keepForTheAccount(tokens) {
  if (!isSignedIn() || claims(tokens.access_token).sub !== owner()) {
    throw new Error("That is not the account that is signed in here. Sign in again.");
  }
  accountTokens = tokens;
}

/** The token for changing the second factor, if the person has just entered the password; otherwise `undefined`. */
export const accountToken = () => accountTokens?.access_token;

/** Give up the right to change the second factor. */
export async function forgetAccountToken() {
  const token = accountTokens?.refresh_token;
  accountTokens = null;
  if (token) await revoke(token);
}

/**
 * The access token for a request; refreshed when it is about to expire, or was refused.
 *
 * @param {string} [refused] The token that was answered with 401.
 * @returns {Promise<string|null>} `null` when the person has to sign in again.
 */
export async function accessToken(refused) {
  const tokens = storedTokens();
  if (!tokens) return null;
  const isRefused = tokens.access_token === refused;
  if (!isRefused && Date.now() < tokens.expires_at - REFRESH_EARLY_MS) return tokens.access_token;
  if (isRefused && Date.now() < tokens.issued_at + FRESH_MS) {
    throw new Error("The service does not accept this sign-in. Sign out and in again; if that does not help, contact the operators.");
  }
  // Several requests may find at once that the token has expired; one refresh serves them all.
  refreshing ||= refresh(tokens.refresh_token).finally(() => (refreshing = null));
  return refreshing;
}

/** The access token without a refresh, for a request that is sent while the page closes and cannot wait. */
export const currentAccessToken = () => storedTokens()?.access_token;

/** The id under which the service knows the person. */
export const owner = () => claims(storedTokens().access_token).sub;

/** The email address of the signed-in person; an access token does not contain it. */
export const email = () => storedTokens()?.email;

/** Delete the tokens here, revoke the refresh token, and end the session of the sign-in page. */
export async function signOut() {
  const { client_id, sign_in_url, redirect_uri } = await settings();
  // A view that polls meanwhile finds no token, and must not start another sign-in.
  leaving = new Promise(() => {});
  const token = storedTokens()?.refresh_token;
  sessionStorage.removeItem(TOKENS);
  await forgetAccountToken();
  if (token) await revoke(token);
  // A refresh that was under way may have stored new ones.
  sessionStorage.removeItem(TOKENS);
  location.assign(`${sign_in_url}/logout?${new URLSearchParams({ client_id, logout_uri: redirect_uri })}`);
}

/** Revoke a refresh token. A service that does not answer does not keep the person from signing out. */
async function revoke(token) {
  const { client_id, sign_in_url } = await settings();
  const body = new URLSearchParams({ token, client_id });
  const revocation = { method: "POST", body, keepalive: true, signal: AbortSignal.timeout(REVOKE_MS) };
  await fetch(`${sign_in_url}/oauth2/revoke`, revocation).catch(() => {});
}

async function refresh(refreshToken) {
  const tokens = await requestTokens({ grant_type: "refresh_token", refresh_token: refreshToken });
  if (tokens) store({ refresh_token: refreshToken, ...tokens });
  else sessionStorage.removeItem(TOKENS);
  return tokens && tokens.access_token;
}

/** @returns {Promise<object|null>} `null` when the grant is refused; throws when no response comes. */
async function requestTokens(grant) {
  const { client_id, sign_in_url } = await settings();
  const body = new URLSearchParams({ client_id, ...grant });
  const response = await fetch(`${sign_in_url}/oauth2/token`, { method: "POST", body }).catch(() => null);
  if (!response || response.status >= 500) throw passing("The sign-in service did not answer. Check your connection and try again.");
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (answer.error === "invalid_grant") return null;
  // The grant is valid: the Lambda trigger that runs before a token is issued has failed, or the service throttled.
  throw passing("The sign-in service has failed. Try again in a minute; if that does not help, contact the operators.");
}

function store({ access_token, refresh_token, id_token, expires_in }) {
  const now = Date.now();
  const { email } = id_token ? claims(id_token) : storedTokens() ?? {};
  const tokens = { access_token, refresh_token, email, issued_at: now, expires_at: now + expires_in * 1000 };
  sessionStorage.setItem(TOKENS, JSON.stringify(tokens));
}

const storedTokens = () => JSON.parse(sessionStorage.getItem(TOKENS));

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The tokens came directly from the sign-in service, over TLS: their signatures need not be checked. */
const claims = (token) => JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
