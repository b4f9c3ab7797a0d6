"""The local AWS: ministack, and the behaviour of AWS that the photo workflow needs and ministack lacks.

ministack 1.5.33 is an emulator of AWS in one process, without Docker. `python -m local.engine` starts it on
loopback, with enforced roles and persistent state, and replaces private functions of it where a documented
behaviour of AWS is missing. Each replacement is one function, named after the behaviour that it restores; its
docstring describes the behaviour and links its source. Any other version of ministack is refused (`version`); to
move to another one, run `tests/local/engine` against it.

What is restored
----------------
`lambda_workers`, `lambda_environment`
    Python functions run under awslambdaric, the client that runs inside Lambda: errors arrive by class name, a
    process that ended is `Runtime.ExitError`, a slow one `Sandbox.Timedout`, and a failed start fails one invocation.
    A function sees Lambda's variables, its own, its layers, and nothing else of the laptop. Invocations beyond
    two for each core wait; the wait does not count towards any timeout.
`lambda_logs`
    A function has its log format and level, and lines below the level are dropped. The output of a function whose
    start failed is in its log.
`image_functions`
    A function of a container image runs without Docker, from the folder that was built by the steps of its Dockerfile.
`queues`
    No message is lost between the engine's threads. A batch response that Lambda would not accept keeps the batch.
`event_sources`
    A queue triggers only a function whose role may read it.
`events`
    S3 events have a `version-id`. EventBridge delivers only where the target's resource policy allows it, and
    retries a function.
`iam`
    Rekognition's actions are enforced for each role; a bucket policy that demands TLS accepts the SDK on loopback.
`signatures`
    Root signs its requests with a secret access key that is created with the state folder, a function with one that is
    derived from it. Only root changes the settings of the engine.
`origins`
    Hosts and origins other than the engine's own are refused; no response is readable by every origin; the
    administration paths of ministack are closed.
`cloudformation`
    Numbers that come from parameters are numbers. A user pool has the issuer of its tokens as an attribute. Items of a
    table expire. An update creates or deletes at most one index of a table.
`tables`
    A call of UpdateTable creates or deletes at most one index. Each index has its status.
`http_api`, `http_api_functions`, `http_api_throttling`
    Every path of an HTTP API's host is the API's, and `app.localhost` is the host of the product's API. `$default` has
    no segment. OPTIONS is a method like any other without CORS. A refresh token is not accepted as an access token. A
    function gets the event of payload 2.0, if its resource policy allows it; its errors are not shown to the client.
    The throttling of stages and routes is applied.
`sign_in`, `sign_in_pages`
    Cognito's pages to sign up and in. Refreshed tokens have the groups; only their own client refreshes and revokes
    tokens. Sign-out redirects to registered addresses only. Names are case-insensitive where the pool says so. A
    protected user pool is not deleted.
`second_factor`
    The pages ask for the code of an authenticator app. Each code is accepted once, and only in the session that its
    password began. A factor counts once it is verified and then enabled.
`token_trigger`
    The pre token generation trigger changes groups, is invoked once, needs its permission, and when it fails the
    sign-in fails.
`rekognition`
    Rekognition is a service of the engine, implemented by `local.rekognition`; it reads objects with the permissions
    of its caller.
`step_functions`
    `references`: a JSONPath without a match is an error; filters, variables, `Assign`. `retries`:
    `MaxDelaySeconds`, jitter, errors that no wildcard matches. `limits`: 256 KiB. `timeouts`: computed timeouts,
    heartbeats, `TimeoutSeconds` of a machine. `branches`: Parallel and Map in JSONata, scopes of variables, the
    first failure ends the state, the states of branches in the history. `distributed_map`: batches, inventories in
    CSV, result files, JSONata; a Map Run that is stopped, or fails, ends early. `integrations`: every `aws-sdk`
    call. `roles`: a machine invokes only the functions that its role allows. `executions`: StartExecution by name,
    `InvalidName`, final statuses that stay, events for every end and after a restart.
`persistence`
    Saving while the engine is busy loses the state of no service.

Known limits
------------
- The state is saved at an orderly stop of the engine; after `kill -9` or a power cut, objects survive and the
  rest is as of the last orderly stop.
- An execution that ran when the engine stopped is closed as FAILED with `States.ServiceRestart`; on AWS it would
  continue. A message in flight becomes visible at once, not after its visibility timeout.
- The role of a state machine is enforced when it invokes a function, not when it calls another service.
- No RedriveExecution, inventories in ORC or Parquet, metrics from EMF or of SQS, X-Ray traces, dead-letter queues and
  retry policies of EventBridge targets, or check of a definition when a state machine is created.
- A history has every state entered and left and every task, not the events between (`ParallelStateStarted`,
  `MapIterationStarted`); a task that timed out is a `TaskFailed` there.
- A retry waits at most 60 s times the wait scale. A batching window and batches above ten are ignored.
- `Assign` in JSONPath Choice and Wait states is ignored; this project writes JSONata.
- A person who signs up is confirmed at once, no email is sent, and a forgotten password cannot be reset. Managed
  login has no session of its own: every visit asks for the password, and the number of attempts is not limited.
- A new index of a table is complete at once; in DynamoDB it is built while the table takes no other change.
- No container registry to push to, and no link to the code of a function: ministack requires no signature there.
- An HTTP API waits for its function longer than 30 s.
- All functions share one temporary folder; memory sizes are not enforced; every Python runtime is run by the
  interpreter of `.local/lambda`.
"""
