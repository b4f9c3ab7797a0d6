"""A web app from a template: an HTTP API, a user pool that guards it, and one function behind it."""

import base64
import hashlib
import http.client
import json
import re
import secrets
import uuid
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.local.engine.account import LAMBDA_TRUST, REGION, Account, resources, unique

APP_URL = "http://app.localhost/"
PASSWORD = "Correct-Horse-7"

# Returns its event, or the response in the request's header `x-answer`.
FUNCTION = """
import json
def handler(event, context):
    wanted = event["headers"].get("x-answer")
    if wanted == "raise":
        raise ValueError("the secret of the house")
    if wanted:
        return json.loads(wanted)
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
"""
FUNCTION_PROPERTIES = {
    "Runtime": "python3.11",
    "Handler": "index.handler",
    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
    "Code": {"ZipFile": FUNCTION},
    "Timeout": 20,
}
POOL = {
    "UsernameAttributes": ["email"],
    "AutoVerifiedAttributes": ["email"],
    "UsernameConfiguration": {"CaseSensitive": False},
    "UserPoolTier": "ESSENTIALS",
}
CLIENT = {
    "UserPoolId": {"Ref": "Pool"},
    "CallbackURLs": [APP_URL],
    "LogoutURLs": [APP_URL],
    "AllowedOAuthFlows": ["code"],
    "AllowedOAuthFlowsUserPoolClient": True,
    "AllowedOAuthScopes": ["openid", "email"],
    "SupportedIdentityProviders": ["COGNITO"],
    "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"],
    "AccessTokenValidity": {"Ref": "Minutes"},
    "TokenValidityUnits": {"AccessToken": "minutes"},
}
PERMISSION = {
    "Action": "lambda:InvokeFunction",
    "FunctionName": {"Ref": "Function"},
    "Principal": "apigateway.amazonaws.com",
    "SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/$default/*"},
}


def template(name: str, permission: bool = True, stage: dict[str, Any] | None = None, **pool: Any) -> dict[str, Any]:
    """Return the template; `name` is the API's, `stage` and `pool` are more properties of the two."""
    api, user_pool = {"ApiId": {"Ref": "Api"}}, {"UserPoolId": {"Ref": "Pool"}}
    throttling = {"ThrottlingBurstLimit": {"Ref": "Burst"}, "ThrottlingRateLimit": 500}
    integration = {"IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0"}
    jwt = {"Audience": [{"Ref": "Client"}], "Issuer": {"Fn::GetAtt": ["Pool", "ProviderURL"]}}
    authorizer = {"AuthorizerType": "JWT", "Name": "people", "IdentitySource": ["$request.header.Authorization"]}

    def route(key: str, guarded: bool = False, **scopes: list[str]) -> tuple[str, dict[str, Any]]:
        guard = {"AuthorizationType": "JWT", "AuthorizerId": {"Ref": "Authorizer"}} if guarded else {}
        target = {"Fn::Sub": "integrations/${Integration}"}
        return "ApiGatewayV2::Route", {**api, "RouteKey": key, "Target": target, **guard, **scopes}

    made = resources(
        Role=("IAM::Role", {"AssumeRolePolicyDocument": LAMBDA_TRUST}),
        Function=("Lambda::Function", FUNCTION_PROPERTIES),
        Pool=("Cognito::UserPool", {**POOL, **pool}),
        Domain=("Cognito::UserPoolDomain", {**user_pool, "Domain": unique("people"), "ManagedLoginVersion": 2}),
        Group=("Cognito::UserPoolGroup", {**user_pool, "GroupName": "operators"}),
        Client=("Cognito::UserPoolClient", {**CLIENT}),
        Other=("Cognito::UserPoolClient", {**CLIENT}),
        Api=("ApiGatewayV2::Api", {"Name": name, "ProtocolType": "HTTP"}),
        Stage=(
            "ApiGatewayV2::Stage",
            {**api, "StageName": "$default", "AutoDeploy": True, "DefaultRouteSettings": throttling, **(stage or {})},
        ),
        Integration=(
            "ApiGatewayV2::Integration",
            {**api, "IntegrationUri": {"Fn::GetAtt": ["Function", "Arn"]}, **integration},
        ),
        Authorizer=("ApiGatewayV2::Authorizer", {**api, **authorizer, "JwtConfiguration": jwt}),
        Guarded=route("ANY /api/{proxy+}", guarded=True),
        Scoped=route("GET /api/scoped", guarded=True, AuthorizationScopes=["photos/write", "email"]),
        Forbidden=route("GET /api/forbidden", guarded=True, AuthorizationScopes=["photos/write"]),
        Static=route("GET /{proxy+}"),
        Root=route("GET /"),
        **({"Permission": ("Lambda::Permission", PERMISSION)} if permission else {}),
    )
    return {
        "Parameters": {"Minutes": {"Type": "Number", "Default": 30}, "Burst": {"Type": "Number", "Default": 1000}},
        "Resources": made,
        "Outputs": {key: {"Value": {"Ref": key}} for key in ("Api", "Pool", "Client", "Other")},
    }


@dataclass
class Answer:
    status: int
    headers: dict[str, list[str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = self.headers.get(name.lower())
        return values[0] if values else None

    def json(self) -> Any:
        return json.loads(self.body)


def send(
    port: int, method: str, target: str, body: bytes | str | None = None, host: str = "", **headers: str
) -> Answer:
    """Send one request to loopback with this host name and the exact target."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, target, body, {"Host": f"{host or 'localhost'}:{port}", **sent})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    found: dict[str, list[str]] = {}
    for name, value in response.getheaders():
        found.setdefault(name.lower(), []).append(value)
    return Answer(response.status, found, content)


def form(fields: dict[str, str], file: bytes) -> tuple[bytes, str]:
    """Return the body of a form with a file as a browser sends it, and its content type."""
    boundary = uuid.uuid4().hex
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    file_head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
    head = "".join([*parts, file_head, "Content-Type: image/jpeg\r\n\r\n"])
    body = head.encode() + file + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


@dataclass
class WebApp:
    """A deployed web app and a browser in front of it."""

    account: Account
    port: int
    api: str
    pool: str
    client: str
    other: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def api_host(self) -> str:
        return f"{self.api}.execute-api.localhost"

    def get(self, target: str, **headers: str) -> Answer:
        return self.send("GET", target, **headers)

    def send(self, method: str, target: str, body: bytes | str | None = None, **headers: str) -> Answer:
        """Send a request to the API's own host."""
        return send(self.port, method, target, body, self.api_host, **headers)

    def authorize_request(self, **changes: str) -> dict[str, str]:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": APP_URL,
            "scope": "openid email",
            "state": "back to /#/albums & <more>",
            "nonce": "once",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            **changes,
        }

    def page(self, path: str, **changes: str) -> Answer:
        """Open a page of managed login."""
        return send(self.port, "GET", f"{path}?{urlencode(self.authorize_request(**changes))}")

    def submit(self, page: Answer, **fields: str) -> Answer:
        """Fill in the form of a page and send it."""
        html = page.body.decode()
        [action] = re.findall(r'<form method="post" action="([^"]+)"', html, re.IGNORECASE)
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html)
        form = {name: unescape(value) for name, value in hidden} | fields
        return self.post(action, form)

    def post(self, path: str, form: dict[str, str], **headers: str) -> Answer:
        headers = {"Content_Type": "application/x-www-form-urlencoded", **headers}
        return send(self.port, "POST", path, urlencode(form), **headers)

    def sign_up(self, email: str, password: str = PASSWORD) -> Answer:
        return self.submit(self.page("/signup"), email=email, password=password)

    def sign_in(self, email: str, password: str = PASSWORD, **changes: str) -> Answer:
        return self.submit(self.page("/oauth2/authorize", **changes), username=email, password=password)

    def redeem(self, redirect: Answer, **changes: str) -> Answer:
        """Exchange the code of a redirect for tokens."""
        code = query_of(redirect)["code"]
        form = {"grant_type": "authorization_code", "client_id": self.client, "code": code, "redirect_uri": APP_URL}
        return self.post("/oauth2/token", {**form, "code_verifier": self.verifier, **changes})

    def refresh(self, token: str, **changes: str) -> Answer:
        form = {"grant_type": "refresh_token", "client_id": self.client, "refresh_token": token, **changes}
        return self.post("/oauth2/token", form)

    def person(self, email: str = "", **changes: str) -> dict[str, Any]:
        """Sign a person up and return the tokens."""
        email = email or new_email()
        self.sign_up(email)
        redirect = self.sign_in(email, **changes)
        return self.redeem(redirect, client_id=changes.get("client_id", self.client)).json()

    def make_operator(self, access_token: str) -> None:
        self.add_to_group("operators", access_token)

    def add_to_group(self, group: str, access_token: str) -> None:
        user = {"UserPoolId": self.pool, "Username": claims(access_token)["username"]}
        self.account.client("cognito-idp").admin_add_user_to_group(**user, GroupName=group)


def deploy_web_app(account: Account, port: int, body: dict[str, Any]) -> WebApp:
    stack = account.deploy(body)
    events = account.client("cloudformation").describe_stack_events(StackName=stack["StackName"])["StackEvents"]
    reasons = [event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", reasons
    outputs = {output["OutputKey"].lower(): output["OutputValue"] for output in stack["Outputs"]}
    return WebApp(account, port, **outputs)


def new_email() -> str:
    return f"{unique('ada')}@example.com"


def query_of(redirect: Answer) -> dict[str, str]:
    assert redirect.status == 302, redirect.body.decode()
    return {name: values[0] for name, values in parse_qs(urlsplit(redirect.header("location") or "").query).items()}


def claims(token: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def issuer(pool: str) -> str:
    return f"https://cognito-idp.{REGION}.amazonaws.com/{pool}"
