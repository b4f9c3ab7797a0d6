/** Requests to the user pool: what somebody changes in the own account, with a token that was asked for that. */

import { accountToken, settings } from "./session.js";

const TIMEOUT_MS = 10_000;

const WRONG_CODE = "This is not the code that the app shows now. Wait for its next one; if that is refused too, look whether the clock of your device is right.";
const OVER = "This took too long. Begin again.";
const BUSY = "The sign-in service is asked too much now. Wait a minute and try again.";
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
 * Ask the user pool for the person who has just given the password.
 *
 * @param {"GetUser"|"AssociateSoftwareToken"|"VerifySoftwareToken"|"SetUserMFAPreference"|"GlobalSignOut"} operation
 * @param {object} [request] Without the token.
 * @returns {Promise<object>}
 * @throws {Error} With a sentence for the person; `isOver` says that the password must be given again.
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
