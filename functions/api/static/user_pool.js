/** Requests to the user pool, with which a person changes the own account; they need a token for that scope. */

import { accountToken, settings } from "./session.js";

const TIMEOUT_MS = 10_000;

const WRONG_CODE = "This is not the code that the app shows now. Wait for the next code; if that is refused too, check that your device's clock is right.";
const OVER = "This took too long. Begin again.";
const BUSY = "The sign-in service is busy. Wait a minute and try again.";
const FAILED = "The sign-in service has failed. Try again in a minute.";
const SILENT = "The sign-in service did not answer. Check your connection and try again.";

// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_VerifySoftwareToken.html#API_VerifySoftwareToken_Errors
const SENTENCES = new Map([
  ["CodeMismatchException", WRONG_CODE],
  ["EnableSoftwareTokenMFAException", WRONG_CODE],
  ["ExpiredCodeException", WRONG_CODE],
  ["NotAuthorizedException", OVER],
  ["TooManyRequestsException", BUSY],
  ["LimitExceededException", BUSY],
]);

/**
 * Call the user pool for the person who has just entered the password.
 *
 * @param {"GetUser"|"AssociateSoftwareToken"|"VerifySoftwareToken"|"SetUserMFAPreference"|"GlobalSignOut"} operation
 * @param {object} [request] Without the token.
 * @returns {Promise<object>}
 * @throws {Error} With a sentence for the person; `isOver` means that the password must be entered again.
 */
export async function ask(operation, request = {}) {
  const { user_pool_url } = await settings();
  const headers = { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": `AWSCognitoIdentityProviderService.${operation}` };
  const body = JSON.stringify({ ...request, AccessToken: accountToken() });
  const sent = { method: "POST", headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) };
  const response = await fetch(`${user_pool_url}/`, sent).catch(() => null);
  if (!response) throw new Error(SILENT);
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const name = String(answer.__type || "").split("#").at(-1);
  throw Object.assign(new Error(SENTENCES.get(name) || FAILED), { isOver: name === "NotAuthorizedException" });
}
